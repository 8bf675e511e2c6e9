#include "host/replica/reader.h"

#include <algorithm>

#include "host/base/views.h"
#include "host/core/expiry.h"
#include "host/replica/present.h"
#include "host/schema/item.h"

namespace tidegate::replica {
namespace {

std::string_view OrEmptyObject(const std::string& json) { return json.empty() ? std::string_view("{}") : json; }

Result<const ModelRule*> RuleOf(const Catalog& catalog, const std::string& model) {
  if (const ModelRule* rule = catalog.Find(model)) return rule;
  std::string known;
  for (const ModelRule& rule : catalog.rules()) known += (known.empty() ? "" : ", ") + rule.name;
  return Status::NotFound("no model '" + model + "' in the schemas of this node; there are: " + known);
}

}  // namespace

std::string Reader::Present(const tg_change& change, bool hidden) const {
  return PresentChange(*catalog_.Get(), change, hidden);
}

Result<std::string> Reader::Get(const FindRequest& request) const {
  auto catalog = catalog_.Get();
  TG_ASSIGN_OR_RETURN(const ModelRule* rule, RuleOf(*catalog, request.model));
  TG_ASSIGN_OR_RETURN(ItemKey key,
                      KeyFromProperties(*rule->model, OrEmptyObject(request.properties), {context_json_, false}));
  std::vector<AgentId> owners = {self_, kAgentAll};
  if (request.owner) owners = {*request.owner};
  std::string item;
  for (AgentId owner : owners) {
    Status status = storage_.Get({owner, Str(key.pk), Str(key.sk)}, [&](const tg_change& change) {
      if (!core::IsExpired(change, clock_.expiry_ms()) && View(change.model) == request.model)
        item = PresentChange(*catalog, change, request.hidden);
      return true;
    });
    if (!status.ok() && status.code() != Code::kNotFound) return status;
    if (!item.empty()) return item;
  }
  return Status::NotFound("no " + request.model + " with key " + key.pk + " / " + key.sk +
                          (request.owner ? " of owner " + std::to_string(*request.owner) : ""));
}

Result<FindAnswer> Reader::Find(const FindRequest& request) const {
  auto catalog = catalog_.Get();
  tg_query query{};
  query.struct_size = sizeof query;
  FindPlan plan;
  const Model* model = nullptr;
  if (!request.model.empty()) {
    TG_ASSIGN_OR_RETURN(const ModelRule* rule, RuleOf(*catalog, request.model));
    model = rule->model;
    TG_ASSIGN_OR_RETURN(plan, PlanFind(*model, OrEmptyObject(request.properties), request.index));
    query.model = Str(request.model);
  }
  query.index = Str(plan.index);
  query.hash = Str(plan.hash);
  query.sort_from = Str(plan.sort_from);
  query.sort_to = Str(plan.sort_to);
  std::string exact_end = plan.sort_from + '\0';
  if (plan.exact) query.sort_to = Str(exact_end);
  if (plan.has_hash) query.flags |= TG_QUERY_HASH;
  if (request.reverse) query.flags |= TG_QUERY_REVERSE;
  if (request.owner) {
    query.flags |= TG_QUERY_OWNER;
    query.owner = *request.owner;
  }

  FindAnswer answer;
  answer.cursor = request.cursor;
  int64_t now_ms = clock_.expiry_ms();
  do {
    query.limit = request.limit == 0 ? 0 : request.limit - answer.items.size();
    std::string cursor = std::move(answer.cursor);
    query.cursor = Bytes(cursor);
    TG_ASSIGN_OR_RETURN(answer.cursor, storage_.Query(query, [&](const tg_change& change) {
      if (core::IsExpired(change, now_ms)) return true;
      if (model != nullptr && !plan.filter.empty() &&
          !Matches(*model, View(change.body), {change.src, change.dst, change.key.owner}, plan.filter)) {
        return true;
      }
      answer.items.push_back(PresentChange(*catalog, change, request.hidden));
      return true;
    }));
  } while (!answer.cursor.empty() && (request.limit == 0 || answer.items.size() < request.limit));
  return answer;
}

Result<std::vector<ScopeDigest>> Reader::Digests() const {
  const int64_t now_ms = std::max<int64_t>(clock_.expiry_ms(), 0);
  std::vector<ScopeDigest> digests;
  TG_RETURN_IF_ERROR(storage_.Scopes([&](const tg_scope& scope) {
    ScopeDigest digest;
    digest.model = View(scope.model);
    digest.owner = scope.owner;
    digest.items = scope.items;
    digest.tombstones = scope.tombstones;
    digests.push_back(std::move(digest));
    return true;
  }));
  for (ScopeDigest& digest : digests) {
    tg_range range{};
    range.struct_size = sizeof range;
    range.owner = digest.owner;
    range.model = Str(digest.model);
    range.expired_ms = now_ms;
    TG_RETURN_IF_ERROR(storage_.RangeDigest(range, [&](const tg_digest& part) {
      digest.count += part.count;
      digest.sum += part.sum;
      return true;
    }));
    digest.items = std::min(digest.items, digest.count - std::min(digest.count, digest.tombstones));
  }
  return digests;
}

}  // namespace tidegate::replica
