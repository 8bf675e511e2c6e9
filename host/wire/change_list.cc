#include "host/wire/change_list.h"

#include <algorithm>

#include "host/base/views.h"
#include "host/wire/change_fields.h"
#include "host/wire/proto_reader.h"
#include "host/wire/utf8.h"

namespace tidegate::wire {
namespace {

struct Origin {
  uint64_t agent = 0;
  uint64_t epoch = 0;
};

struct Tables {
  std::vector<std::string_view> models;
  std::vector<Origin> origins;
  std::vector<uint64_t> owners;
  uint64_t direction = 0;
  uint64_t lane = 0;
  uint64_t changes = 0;
};

Status Malformed(const char* what) { return Status::Invalid(std::string("change list: ") + what); }

bool ReadOrigin(std::string_view bytes, Origin* origin) {
  ProtoReader reader(bytes);
  while (!reader.done()) {
    uint32_t field;
    WireType type;
    if (!reader.Tag(&field, &type)) return false;
    bool ok;
    if (field == origin_field::kAgent && type == WireType::kVarint) {
      ok = reader.Varint(&origin->agent);
    } else if (field == origin_field::kEpoch && type == WireType::kFixed64) {
      ok = reader.Fixed64(&origin->epoch);
    } else {
      ok = reader.Skip(type);
    }
    if (!ok) return false;
  }
  return origin->agent <= TG_AGENT_MAX;
}

// A table is no longer than the changes that point into it, so that it cannot be used to make us allocate.
Status ReadTables(std::string_view bytes, uint64_t entries_max, Tables* tables) {
  ProtoReader reader(bytes);
  while (!reader.done()) {
    uint32_t field;
    WireType type;
    if (!reader.Tag(&field, &type)) return Malformed("not a sequence of fields");
    std::string_view view;
    uint64_t number;
    if (type == WireType::kVarint && field >= list_field::kOwners && field <= list_field::kLane) {
      if (!reader.Varint(&number)) return Malformed("a number is cut off");
      if (field == list_field::kDirection) tables->direction = number;
      if (field == list_field::kLane) tables->lane = number;
      if (field == list_field::kOwners) tables->owners.push_back(number);
    } else if (type == WireType::kBytes && field <= list_field::kChanges) {
      if (!reader.Bytes(&view)) return Malformed("a field is cut off");
      if (field == list_field::kChanges) {
        if (++tables->changes > entries_max) return Malformed("more changes than the limit");
      } else if (field == list_field::kModels) {
        if (!IsUtf8(view)) return Malformed("a model name is not UTF-8");
        tables->models.push_back(view);
      } else if (field == list_field::kOrigins) {
        Origin origin;
        if (!ReadOrigin(view, &origin)) return Malformed("an origin is malformed");
        tables->origins.push_back(origin);
      } else if (field == list_field::kOwners) {
        for (ProtoReader packed(view); !packed.done();) {
          if (!packed.Varint(&number)) return Malformed("an owner is cut off");
          tables->owners.push_back(number);
          if (tables->owners.size() > entries_max) break;
        }
      }
    } else if (!reader.Skip(type)) {
      return Malformed("an unknown field is malformed");
    }
    if (std::max({tables->models.size(), tables->origins.size(), tables->owners.size()}) > entries_max) {
      return Malformed("a table is longer than the limit");
    }
  }
  if (tables->direction > TG_DIRECTION_BOTH) return Malformed("direction out of range");
  if (tables->lane >= TG_LANE_COUNT) return Malformed("lane out of range");
  for (uint64_t owner : tables->owners) {
    if (owner > TG_AGENT_MAX) return Malformed("an owner is not an agent id");
  }
  return {};
}

// The fields of one change as they are written; Finish turns them into a tg_change.
struct Fields {
  uint64_t number[change_field::kLast + 1] = {};
  std::string_view view[change_field::kLast + 1] = {};
  uint32_t seen = 0;
  bool has(uint32_t field) const { return (seen >> field & 1) != 0; }
};

constexpr uint32_t kViewFields =
    1u << change_field::kPk | 1u << change_field::kSk | 1u << change_field::kBody | 1u << change_field::kPolicyMeta;

class ListDecoder {
 public:
  ListDecoder(const Tables& tables, std::vector<tg_change>* changes, std::deque<std::string>* extras)
      : tables_(tables), changes_(changes), extras_(extras) {}

  // Null, or what is wrong.
  const char* Add(std::string_view bytes) {
    Fields fields;
    std::string_view extra;
    if (!Read(bytes, &fields, &extra)) return "not a sequence of fields";
    return Finish(fields, extra);
  }
  bool run_open() const { return run_left_ != 0; }

 private:
  bool Read(std::string_view bytes, Fields* fields, std::string_view* extra) {
    ProtoReader reader(bytes);
    while (!reader.done()) {
      const char* start = reader.at();
      uint32_t field;
      WireType type;
      if (!reader.Tag(&field, &type)) return false;
      bool known = field <= change_field::kLast;
      bool is_view = known && (kViewFields >> field & 1) != 0;
      if (known && type == (is_view ? WireType::kBytes : WireType::kVarint)) {
        bool ok = is_view ? reader.Bytes(&fields->view[field]) : reader.Varint(&fields->number[field]);
        if (!ok) return false;
        fields->seen |= 1u << field;
      } else {
        if (!reader.Skip(type)) return false;
        KeepExtra({start, static_cast<size_t>(reader.at() - start)}, extra);
      }
    }
    return true;
  }

  void KeepExtra(std::string_view field, std::string_view* extra) {
    if (extra->empty()) {
      *extra = field;
    } else if (extra->data() + extra->size() == field.data()) {
      *extra = {extra->data(), extra->size() + field.size()};
    } else {
      bool ours = !extras_->empty() && extras_->back().data() == extra->data();
      if (!ours) extras_->emplace_back(*extra);
      extras_->back().append(field);
      *extra = extras_->back();
    }
  }

  const char* Finish(const Fields& f, std::string_view extra) {
    using namespace change_field;
    if (f.number[kModel] >= tables_.models.size()) return "model is not in the table";
    if (f.number[kOrigin] >= tables_.origins.size()) return "origin is not in the table";
    if (f.number[kOwner] >= tables_.owners.size()) return "owner is not in the table";
    uint64_t kind = f.number[kKind] == 0 ? TG_CHANGE_ITEM : f.number[kKind];
    if (kind > TG_CHANGE_EVICT) return "kind out of range";
    uint64_t direction = f.has(kDirection) ? f.number[kDirection] : tables_.direction;
    if (direction > TG_DIRECTION_BOTH) return "direction out of range";
    uint64_t lane = f.has(kLane) ? f.number[kLane] : tables_.lane;
    if (lane >= TG_LANE_COUNT) return "lane out of range";
    if (f.has(kPk)) {
      if (!IsUtf8(f.view[kPk])) return "pk is not UTF-8";
      pk_ = f.view[kPk];
    }
    if (!IsUtf8(f.view[kSk])) return "sk is not UTF-8";
    uint64_t owner = tables_.owners[f.number[kOwner]];
    uint64_t src = f.has(kSrc) ? f.number[kSrc] : owner;
    uint64_t dst = f.has(kDst) ? f.number[kDst] : TG_AGENT_SERVER;
    if (src > TG_AGENT_MAX || dst > TG_AGENT_MAX) return "src or dst is not an agent id";
    if (f.number[kExpiresMs] > INT64_MAX) return "expires_ms is negative";
    uint64_t delta = f.number[kHlc];
    hlc_ += (delta >> 1) ^ (0 - (delta & 1));
    const Origin& origin = tables_.origins[f.number[kOrigin]];

    tg_change& change = changes_->emplace_back();
    change.struct_size = sizeof(tg_change);
    change.kind = static_cast<uint8_t>(kind);
    change.direction = static_cast<uint8_t>(direction);
    change.lane = static_cast<uint8_t>(lane);
    change.model = Str(tables_.models[f.number[kModel]]);
    change.key = {owner, Str(pk_), Str(f.view[kSk])};
    change.src = src;
    change.dst = dst;
    change.version = {hlc_, origin.agent, origin.epoch};
    change.expires_ms = static_cast<int64_t>(f.number[kExpiresMs]);
    change.body = Bytes(f.view[kBody]);
    change.policy_meta = Bytes(f.view[kPolicyMeta]);
    change.extra = Bytes(extra);
    return GiveRun(f.number[kRunSize], &change);
  }

  const char* GiveRun(uint64_t run_size, tg_change* change) {
    ++index_;
    if (run_size > 1) {
      if (run_left_ != 0) return "a run begins inside a run";
      if (run_size > tables_.changes - (index_ - 1)) return "a run is longer than the list";
      run_left_ = run_size;
      run_first_ = index_;
      run_last_ = index_ + run_size - 1;
    }
    change->seq = index_;
    change->run_first = run_left_ != 0 ? run_first_ : index_;
    change->run_last = run_left_ != 0 ? run_last_ : index_;
    if (run_left_ != 0) --run_left_;
    return nullptr;
  }

  const Tables& tables_;
  std::vector<tg_change>* changes_;
  std::deque<std::string>* extras_;
  std::string_view pk_;
  uint64_t hlc_ = 0;
  uint64_t index_ = 0;
  uint64_t run_left_ = 0;
  uint64_t run_first_ = 0;
  uint64_t run_last_ = 0;
};

}  // namespace

Status DecodeChangeList(std::string_view bytes, uint64_t changes_max, std::vector<tg_change>* changes,
                        std::deque<std::string>* extras) {
  Tables tables;
  TG_RETURN_IF_ERROR(ReadTables(bytes, changes_max, &tables));
  changes->reserve(changes->size() + tables.changes);
  ListDecoder decoder(tables, changes, extras);
  uint64_t index = 0;
  for (ProtoReader reader(bytes); !reader.done();) {
    uint32_t field;
    WireType type;
    std::string_view view;
    // ReadTables has passed over the same fields: none of these can fail.
    if (!reader.Tag(&field, &type)) return Malformed("not a sequence of fields");
    if (field != list_field::kChanges || type != WireType::kBytes) {
      if (!reader.Skip(type)) return Malformed("an unknown field is malformed");
      continue;
    }
    if (!reader.Bytes(&view)) return Malformed("a field is cut off");
    ++index;
    if (const char* wrong = decoder.Add(view)) {
      return Status::Invalid("change " + std::to_string(index) + " of the list: " + wrong);
    }
  }
  return {};
}

}  // namespace tidegate::wire
