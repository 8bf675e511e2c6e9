#include "host/replica/preparer.h"

namespace tidegate::replica {

bool WritesWithoutLooking(const ModelRule& rule) {
  return rule.lane >= TG_LANE_HISTORY && rule.direction != TG_DIRECTION_BOTH;
}

Result<AgentId> OwnerOfNew(const WriterOptions& options, const ModelRule& rule, const Write& write) {
  bool server = options.role == TG_ROLE_SERVER;
  if (write.to && !server) return Status::Refused("only the server addresses items; leave the addressee out");
  if (write.to && write.owner && *write.to != *write.owner) {
    return Status::Invalid("owner and addressee differ; a down item belongs to its addressee");
  }
  switch (rule.direction) {
    case TG_DIRECTION_DOWN:
      return write.to ? *write.to : write.owner.value_or(kAgentAll);
    case TG_DIRECTION_BOTH:
      if (write.to) return *write.to;
      if (options.role == TG_ROLE_DEVICE && write.owner && *write.owner != options.agent && *write.owner != kAgentAll) {
        return Status::Refused("an item of agent " + std::to_string(*write.owner) +
                               " is written at that agent or above it, not at this device");
      }
      return write.owner.value_or(server ? kAgentAll : options.agent);
    default:
      if (write.owner.value_or(options.agent) != options.agent) {
        return Status::Refused("model " + rule.name + " is written by its owner only, and that is agent " +
                               std::to_string(*write.owner) + ", not this node");
      }
      if (write.to) return Status::Refused("model " + rule.name + " does not go down: it has no addressee");
      return options.agent;
  }
}

uint64_t AddresseeOfNew(const WriterOptions& options, const ModelRule& rule, AgentId owner) {
  bool to_server =
      rule.direction == TG_DIRECTION_UP || (rule.direction == TG_DIRECTION_BOTH && options.role != TG_ROLE_SERVER);
  return to_server ? kAgentServer : owner;
}

Preparer::Preparer(const WriterOptions& options, const CatalogHolder& catalog, core::Clock& clock, core::Random& random)
    : options_(options),
      catalog_(catalog),
      clock_(clock),
      random_([&random] { return random.Next(); }),
      ulids_(random_) {}

void Preparer::Prepare(Submission* submission) {
  if (submission->transaction.size() != 1) return;
  const Write& write = submission->transaction.front();
  if (write.mode != WriteMode::kCreate && write.mode != WriteMode::kUpsert) return;
  auto catalog = catalog_.Get();
  const ModelRule* rule = catalog->Find(write.model);
  if (rule == nullptr || !WritesWithoutLooking(*rule)) return;
  if (rule->direction == TG_DIRECTION_DOWN && options_.role != TG_ROLE_SERVER) return;
  Result<AgentId> owner = OwnerOfNew(options_, *rule, write);
  if (!owner.ok()) return;
  PreparedItem& prepared = submission->prepared;
  prepared.owner = owner.value();
  prepared.dst = AddresseeOfNew(options_, *rule, owner.value());
  ItemContext context;
  context.now_ms = clock_.unix_ms();
  context.ulid = &ulids_;
  context.random = &random_;
  context.properties = options_.context_json;
  context.envelope = {options_.agent, prepared.dst, prepared.owner};
  PutMode mode = write.mode == WriteMode::kCreate ? PutMode::kCreate : PutMode::kUpsert;
  Result<EncodedItem> item = Encode(*rule->model, write.properties, mode, context);
  if (!item.ok()) return;
  prepared.item = std::move(item).value();
  prepared.catalog = std::move(catalog);
}

}  // namespace tidegate::replica
