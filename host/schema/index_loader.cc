#include "host/schema/loader.h"

namespace tidegate {
namespace {

class IndexLoader {
 public:
  explicit IndexLoader(Problems* problems) : problems_(problems) {}

  IndexDefs Load(const Literal& root) {
    LoadAll(root);
    return std::move(defs_);
  }

 private:
  void LoadAll(const Literal& root) {
    const Literal* indexes = root.Find("indexes");
    if (indexes == nullptr || !indexes->IsObject()) {
      return problems_->Error(indexes == nullptr ? root.place : indexes->place,
                              "indexes is missing; add indexes: {primary: {hash: 'pk', sort: 'sk'}}");
    }
    if (indexes->Find("primary") == nullptr) problems_->Error(indexes->place, "indexes: primary is missing");
    if (indexes->members.size() > kIndexesMax + 1) {
      return problems_->Error(indexes->place, "indexes: more than " + std::to_string(kIndexesMax) + " secondary ones");
    }
    for (const Literal::Member& member : indexes->members) LoadIndex(member);
    size_t local = 0;
    for (IndexDef& index : defs_.secondary) {
      if (index.local) {
        ++local;
        if (index.hash.empty()) index.hash = defs_.primary.hash;
        if (index.hash != defs_.primary.hash) {
          problems_->Error(index.place, "indexes: " + index.name + ": a local index has the hash of primary, '" +
                                            defs_.primary.hash + "'");
        }
        if (index.sort.empty()) problems_->Error(index.place, "indexes: " + index.name + ": a local index needs sort");
      }
    }
    if (local > 5) problems_->Error(indexes->place, "indexes: more than 5 local ones");
  }

  void LoadIndex(const Literal::Member& source) {
    IndexDef index;
    index.name = source.name;
    index.place = source.place;
    std::string where = "indexes: " + source.name;
    if (!source.value.IsObject()) return problems_->Error(source.value.place, where + ": must be {hash, sort}");
    bool primary = source.name == "primary";
    std::string type;
    for (const Literal::Member& member : source.value.members) {
      if (member.name == "hash" || member.name == "sort") {
        std::string attribute = problems_->Text(member, "");
        if (attribute.empty() && member.value.IsString()) {
          problems_->Error(member.value.place, where + ": " + member.name + " must not be empty");
        }
        (member.name == "hash" ? index.hash : index.sort) = attribute;
      } else if (member.name == "type") {
        type = problems_->Text(member, "");
        if (type != "local" || primary)
          problems_->Error(member.value.place, where + ": type can only be 'local', and not on primary");
      } else if (member.name == "project" || member.name == "follow") {
        bool all = member.value.IsString() && member.value.text == "all";
        if (!all)
          problems_->Warn(member.place, where + ": '" + member.name + "' has no effect: an index gives whole items");
      } else if (member.name != "description") {
        problems_->Unknown(member, where, {"hash", "sort", "type", "project", "follow"});
      }
    }
    index.local = !primary && (type == "local" || index.hash.empty());
    if (index.hash.empty() && !index.local) problems_->Error(source.place, where + ": hash is missing");
    if (index.hash.empty() && index.local && type.empty()) {
      problems_->Warn(source.place, where + ": has no hash; taken as type 'local'");
    }
    if (!index.hash.empty() && index.hash == index.sort) {
      problems_->Error(source.place, where + ": hash and sort are the same attribute");
    }
    if (primary) {
      defs_.primary = index;
    } else {
      defs_.secondary.push_back(index);
    }
  }

  Problems* problems_;
  IndexDefs defs_;
};

}  // namespace

IndexDefs LoadIndexes(const Literal& root, Problems* problems) { return IndexLoader(problems).Load(root); }

}  // namespace tidegate
