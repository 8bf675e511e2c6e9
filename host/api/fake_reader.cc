// replica::Reader over a FakeNode: by `id` alone.
#include "host/api/fake_data.h"
#include "host/base/views.h"

namespace tidegate::replica {
namespace {

const api::FakeNode& Fake(const core::Storage& storage) { return static_cast<const api::fake::Storage&>(storage).node; }

}  // namespace

Result<std::string> Reader::Get(const FindRequest& request) const {
  TG_ASSIGN_OR_RETURN(std::string id, api::fake::IdOf(request.properties, request.model));
  const api::FakeNode& fake = Fake(storage_);
  MutexLock lock(fake.data_->mutex);
  auto found = fake.data_->items.find({request.model, request.owner.value_or(self_), id});
  if (found == fake.data_->items.end()) return Status::NotFound("there is no " + request.model + " " + id);
  return found->second;
}

Result<FindAnswer> Reader::Find(const FindRequest& request) const {
  if (request.model == "Nothing") return Status::Invalid("unknown model \"Nothing\"");
  std::string id;
  if (!request.properties.empty() && request.properties != "{}") {
    TG_ASSIGN_OR_RETURN(id, api::fake::IdOf(request.properties, request.model));
  }
  const api::FakeNode& fake = Fake(storage_);
  MutexLock lock(fake.data_->mutex);
  FindAnswer answer;
  size_t skip = request.cursor.empty() ? 0 : std::stoul(request.cursor);
  size_t at = 0;
  for (const auto& [key, item] : fake.data_->items) {
    if (!request.model.empty() && std::get<0>(key) != request.model) continue;
    if (request.owner && std::get<1>(key) != *request.owner) continue;
    if (!id.empty() && std::get<2>(key) != id) continue;
    if (at++ < skip) continue;
    if (answer.items.size() == request.limit) {
      answer.cursor = std::to_string(at - 1) + "\xff";  // bytes that are no text
      break;
    }
    answer.items.push_back(item);
  }
  return answer;
}

Result<std::vector<ScopeDigest>> Reader::Digests() const {
  ScopeDigest digest;
  digest.model = "Reading";
  digest.owner = 9;
  digest.items = 3;
  digest.tombstones = 1;
  digest.count = 4;
  digest.sum = 0xabcdef;
  return std::vector<ScopeDigest>{digest};
}

std::string Reader::Present(const tg_change& change, bool) const { return std::string(View(change.body)); }

}  // namespace tidegate::replica
