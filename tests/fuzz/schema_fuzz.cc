// Any text as a schema, and after a zero byte any text as an item of its models. What is written by the
// rules must pass them: an encoded item is admitted, shown, and unchanged by an empty update.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "host/schema/item.h"

namespace {

void Require(bool holds) {
  if (!holds) std::abort();
}

void TryModel(const tidegate::Model& model, std::string_view json) {
  uint64_t count = 1;
  std::function<uint64_t()> random = [&count] { return count = count * 6364136223846793005u + 1; };
  tidegate::UlidGenerator ulid(random);
  tidegate::ItemContext context;
  context.now_ms = 1767323045678;
  context.ulid = &ulid;
  context.random = &random;
  context.envelope = {7, 1, 7};
  auto plan = tidegate::PlanFind(model, json);
  if (plan.ok()) (void)tidegate::Matches(model, json, context.envelope, plan->filter);
  for (const std::string& index : model.index_names()) (void)tidegate::PlanFind(model, json, index);
  (void)tidegate::KeyFromProperties(model, json);
  (void)tidegate::Check(model, json, "pk", "sk", context.envelope);
  (void)tidegate::IndexKeys(model, json, context.envelope);
  (void)tidegate::ExpiresMs(model, json);
  auto item = tidegate::Encode(model, json, tidegate::PutMode::kCreate, context);
  if (!item.ok()) return;
  auto admitted = tidegate::Admit(model, item->body, item->pk, item->sk, context.envelope);
  Require(admitted.ok());
  Require(admitted->expires_ms == item->expires_ms && admitted->index_keys.size() == item->index_keys.size());
  Require(tidegate::Present(model, item->body, item->pk, item->sk, context.envelope, true).ok());
  auto same = tidegate::Update(model, item->body, "{}", context);
  Require(same.ok() && same->body == item->body && same->pk == item->pk);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  size_t zero = text.find('\0');
  std::string_view json = zero == std::string_view::npos ? std::string_view("{}") : text.substr(zero + 1);
  auto load = tidegate::LoadSchema("fuzz.json5", text.substr(0, zero));
  Require((load.schema != nullptr) == load.status().ok());
  if (load.schema == nullptr) return 0;
  // Its own JSON reads as the same schema.
  auto again = tidegate::LoadSchema("again.json", load.schema->ToJson());
  Require(again.schema != nullptr && again.schema->ToJson() == load.schema->ToJson());
  for (size_t i = 0; i < load.schema->models().size(); ++i) {
    Require(load.schema->models().size() == again.schema->models().size());
    TryModel(*load.schema->models()[i], json);
  }
  return 0;
}
