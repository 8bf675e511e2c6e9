#include "host/wire/records.h"

#include "host/wire/convert.h"
#include "host/wire/utf8.h"
#include "state.pb.h"

namespace tidegate::wire {
namespace {

// A record in a storage: its kind, a checksum of the rest, and a message of schemas/state.proto. Without them
// an empty or swapped value would read as a valid record of zeros.
enum class Kind : uint8_t {
  kNode = 1,
  kLink = 2,
  kScope = 3,
  kQuarantine = 4,
  kEdge = 5,
  kWatermark = 6,
  kHold = 20,
  kHeld = 21,
  kTable = 22,
  kAge = 30,
  kLost = 23,
  kConflict = 40,
  kGone = 41,
  kPolicy = 60
};
constexpr size_t kHeaderBytes = 5;

// FNV-1a (32 bits): every step is a bijection, so that one changed byte always shows.
uint32_t Checksum(std::string_view bytes) {
  uint32_t hash = 2166136261u;
  for (char byte : bytes) hash = (hash ^ static_cast<uint8_t>(byte)) * 16777619u;
  return hash;
}

template <typename Message>
std::string Seal(Kind kind, const Message& message) {
  std::string bytes(kHeaderBytes, '\0');
  message.AppendToString(&bytes);
  bytes[0] = static_cast<char>(kind);
  uint32_t checksum = Checksum(std::string_view(bytes).substr(kHeaderBytes));
  for (size_t i = 0; i < 4; ++i) bytes[1 + i] = static_cast<char>(checksum >> (8 * i));
  return bytes;
}

template <typename Message>
Status Open(Kind kind, const char* name, std::string_view bytes, Message* message) {
  auto corrupt = [&](const std::string& what) { return Status::Corrupt(std::string(name) + " record: " + what); };
  if (bytes.size() < kHeaderBytes || bytes.size() > (64u << 20)) {
    return corrupt(std::to_string(bytes.size()) + " bytes long");
  }
  if (bytes[0] != static_cast<char>(kind)) return corrupt("it is of another kind");
  uint32_t checksum = 0;
  for (size_t i = 4; i > 0; --i) checksum = checksum << 8 | static_cast<uint8_t>(bytes[i]);
  std::string_view rest = bytes.substr(kHeaderBytes);
  if (checksum != Checksum(rest)) return corrupt("the checksum is wrong");
  if (!message->ParseFromArray(rest.data(), static_cast<int>(rest.size()))) return corrupt("not a message");
  return {};
}

// Ranges of a record are checked by the code of the frames, which calls them invalid.
Status Corrupt(const char* name, const Status& status) {
  return status.ok() ? status : Status::Corrupt(std::string(name) + " record: " + status.message());
}

}  // namespace

std::string EncodeRecord(const NodeRecord& record) {
  pb::NodeState message;
  message.set_agent(record.agent);
  message.set_role(record.role);
  message.set_level(record.level);
  message.set_mark_number(record.mark_number);
  message.set_edges_number(record.edges_number);
  message.set_attach_epoch(record.attach_epoch);
  message.set_attach_parent(record.attach_parent);
  message.set_level_set(record.level_set);
  message.set_links_off(record.links_off);
  message.set_purge_horizon(record.purge_horizon);
  message.set_taken_horizon(record.taken_horizon);
  message.set_fall(record.fall);
  message.set_rewound(record.rewound);
  message.set_rewind_epoch(record.rewind_epoch);
  message.set_restored_unix_ms(record.restored_unix_ms);
  message.set_confirmed_fall(record.confirmed_fall);
  message.set_renewed_from(record.renewed_from);
  return Seal(Kind::kNode, message);
}

Status DecodeRecord(std::string_view bytes, NodeRecord* record) {
  pb::NodeState message;
  TG_RETURN_IF_ERROR(Open(Kind::kNode, "node", bytes, &message));
  NodeRecord out;
  out.role = message.role();
  out.level = message.level();
  out.level_set = message.level_set();
  out.links_off = message.links_off();
  out.mark_number = message.mark_number();
  out.edges_number = message.edges_number();
  out.attach_epoch = message.attach_epoch();
  out.fall = message.fall();
  out.rewound = message.rewound();
  out.rewind_epoch = message.rewind_epoch();
  out.restored_unix_ms = message.restored_unix_ms();
  out.confirmed_fall = message.confirmed_fall();
  TG_RETURN_IF_ERROR(Corrupt("node", TakeAgent("renewed_from", message.renewed_from(), &out.renewed_from)));
  TG_RETURN_IF_ERROR(Corrupt("node", TakeAgent("attach_parent", message.attach_parent(), &out.attach_parent)));
  out.purge_horizon = message.purge_horizon();
  out.taken_horizon = message.taken_horizon();
  TG_RETURN_IF_ERROR(Corrupt("node", TakeAgent("agent", message.agent(), &out.agent)));
  *record = out;
  return {};
}

std::string EncodeRecord(const LinkRecord& record) {
  pb::LinkState message;
  message.set_agent(record.agent);
  message.set_is_parent(record.is_parent);
  message.set_role(record.role);
  message.set_level(record.level);
  PutReplica(record.replica, message.mutable_replica());
  PutAll(record.epochs, message.mutable_epochs());
  message.set_attach_epoch(record.attach_epoch);
  message.set_last_hello_unix_ms(record.last_hello_unix_ms);
  message.set_lease_until_unix_ms(record.lease_until_unix_ms);
  message.set_off(record.off);
  message.set_heard_unix_ms(record.heard_unix_ms);
  message.set_rewound_hlc(record.rewound_hlc);
  message.set_doubted_position(record.doubted_position);
  message.mutable_lineage()->Add(record.lineage.begin(), record.lineage.end());
  return Seal(Kind::kLink, message);
}

Status DecodeRecord(std::string_view bytes, LinkRecord* record) {
  pb::LinkState message;
  TG_RETURN_IF_ERROR(Open(Kind::kLink, "link", bytes, &message));
  LinkRecord out;
  out.is_parent = message.is_parent();
  out.role = message.role();
  out.level = message.level();
  out.attach_epoch = message.attach_epoch();
  out.last_hello_unix_ms = message.last_hello_unix_ms();
  out.lease_until_unix_ms = message.lease_until_unix_ms();
  out.off = message.off();
  out.heard_unix_ms = message.heard_unix_ms();
  out.rewound_hlc = message.rewound_hlc();
  out.doubted_position = message.doubted_position();
  out.lineage.assign(message.lineage().begin(), message.lineage().end());
  TG_RETURN_IF_ERROR(Corrupt("link", TakeAgent("agent", message.agent(), &out.agent)));
  TG_RETURN_IF_ERROR(Corrupt("link", TakeReplica(message.replica(), &out.replica)));
  TG_RETURN_IF_ERROR(Corrupt("link", TakeAll(message.epochs(), &out.epochs)));
  *record = std::move(out);
  return {};
}

std::string EncodeRecord(const AgeRecord& record) {
  pb::AgeState message;
  for (const AgeMark& mark : record.marks) {
    pb::AgeMark* to = message.add_marks();
    to->set_unix_ms(mark.unix_ms);
    to->set_position(mark.position);
  }
  return Seal(Kind::kAge, message);
}

Status DecodeRecord(std::string_view bytes, AgeRecord* record) {
  pb::AgeState message;
  TG_RETURN_IF_ERROR(Open(Kind::kAge, "age", bytes, &message));
  record->marks.clear();
  for (const pb::AgeMark& mark : message.marks()) record->marks.push_back({mark.unix_ms(), mark.position()});
  return {};
}

std::string EncodeRecord(const ScopeRecord& record) {
  pb::ScopeState message;
  PutAll(record.scopes, message.mutable_scopes());
  return Seal(Kind::kScope, message);
}

Status DecodeRecord(std::string_view bytes, ScopeRecord* record) {
  pb::ScopeState message;
  TG_RETURN_IF_ERROR(Open(Kind::kScope, "scope", bytes, &message));
  ScopeRecord out;
  TG_RETURN_IF_ERROR(Corrupt("scope", TakeAll(message.scopes(), &out.scopes)));
  *record = std::move(out);
  return {};
}

std::string EncodeRecord(const QuarantineRecord& record) {
  pb::QuarantineState message;
  message.set_link(record.link);
  message.set_reason(Readable(record.reason));
  message.set_since_unix_ms(record.since_unix_ms);
  message.set_change(record.change);
  message.set_ours(record.ours);
  message.set_run(record.run);
  message.set_by(record.by);
  message.set_held(record.held);
  return Seal(Kind::kQuarantine, message);
}

Status DecodeRecord(std::string_view bytes, QuarantineRecord* record) {
  pb::QuarantineState message;
  TG_RETURN_IF_ERROR(Open(Kind::kQuarantine, "quarantine", bytes, &message));
  QuarantineRecord out;
  out.reason = message.reason();
  out.since_unix_ms = message.since_unix_ms();
  out.change = message.change();
  out.ours = message.ours();
  out.run = message.run();
  out.held = message.held();
  TG_RETURN_IF_ERROR(Corrupt("quarantine", TakeAgent("link", message.link(), &out.link)));
  TG_RETURN_IF_ERROR(Corrupt("quarantine", TakeAgent("by", message.by(), &out.by)));
  *record = std::move(out);
  return {};
}

std::string EncodeRecord(const HoldRecord& record) {
  pb::HoldState message;
  Put(record.hold, message.mutable_hold());
  message.set_since_unix_ms(record.since_unix_ms);
  return Seal(Kind::kHold, message);
}

Status DecodeRecord(std::string_view bytes, HoldRecord* record) {
  pb::HoldState message;
  TG_RETURN_IF_ERROR(Open(Kind::kHold, "hold", bytes, &message));
  HoldRecord out;
  out.since_unix_ms = message.since_unix_ms();
  TG_RETURN_IF_ERROR(Corrupt("hold", Take(message.hold(), &out.hold)));
  *record = std::move(out);
  return {};
}

std::string EncodeRecord(const HeldRecord& record) {
  pb::HeldState message;
  Put(record.hold, message.mutable_hold());
  message.set_since_unix_ms(record.since_unix_ms);
  message.set_released(record.released);
  for (const SeqRange& range : record.ranges) {
    pb::SeqRange* to = message.add_ranges();
    to->set_lane(range.lane);
    to->set_from(range.from);
    to->set_to(range.to);
  }
  message.set_last(record.last);
  return Seal(Kind::kHeld, message);
}

Status DecodeRecord(std::string_view bytes, HeldRecord* record) {
  pb::HeldState message;
  TG_RETURN_IF_ERROR(Open(Kind::kHeld, "held", bytes, &message));
  HeldRecord out;
  out.since_unix_ms = message.since_unix_ms();
  out.released = message.released();
  out.last = message.last();
  for (const pb::SeqRange& range : message.ranges()) {
    SeqRange& to = out.ranges.emplace_back();
    to.from = range.from();
    to.to = range.to();
    TG_RETURN_IF_ERROR(Corrupt("held", TakeLane(range.lane(), &to.lane)));
  }
  TG_RETURN_IF_ERROR(Corrupt("held", Take(message.hold(), &out.hold)));
  *record = std::move(out);
  return {};
}

std::string EncodeRecord(const LostRecord& record) {
  pb::LostState message;
  message.set_model(record.model);
  message.set_owner(record.owner);
  message.set_reason(Readable(record.reason));
  message.set_items(record.items);
  message.set_bytes(record.bytes);
  Put(record.first, message.mutable_first());
  Put(record.last, message.mutable_last());
  message.set_since_unix_ms(record.since_unix_ms);
  return Seal(Kind::kLost, message);
}

Status DecodeRecord(std::string_view bytes, LostRecord* record) {
  pb::LostState message;
  TG_RETURN_IF_ERROR(Open(Kind::kLost, "lost", bytes, &message));
  LostRecord out;
  out.model = message.model();
  out.reason = message.reason();
  out.items = message.items();
  out.bytes = message.bytes();
  out.since_unix_ms = message.since_unix_ms();
  TG_RETURN_IF_ERROR(Corrupt("lost", TakeAgent("owner", message.owner(), &out.owner)));
  TG_RETURN_IF_ERROR(Corrupt("lost", Take(message.first(), &out.first)));
  TG_RETURN_IF_ERROR(Corrupt("lost", Take(message.last(), &out.last)));
  *record = std::move(out);
  return {};
}

std::string EncodeRecord(const TableRecord& record) {
  pb::TableState message;
  PutAll(record.models, message.mutable_models());
  return Seal(Kind::kTable, message);
}

Status DecodeRecord(std::string_view bytes, TableRecord* record) {
  pb::TableState message;
  TG_RETURN_IF_ERROR(Open(Kind::kTable, "table", bytes, &message));
  TableRecord out;
  TG_RETURN_IF_ERROR(Corrupt("table", TakeAll(message.models(), &out.models)));
  *record = std::move(out);
  return {};
}

std::string EncodeRecord(const PolicyRecord& record) {
  pb::PolicyState message;
  for (const KeyedPolicy& policy : record.policies) {
    pb::KeyedPolicy* out = message.add_policies();
    out->set_model(policy.model);
    out->set_direction(policy.direction);
    out->set_bound(policy.bound);
    out->set_again(policy.again);
    out->set_changed_hlc(policy.changed_hlc);
  }
  return Seal(Kind::kPolicy, message);
}

Status DecodeRecord(std::string_view bytes, PolicyRecord* record) {
  pb::PolicyState message;
  TG_RETURN_IF_ERROR(Open(Kind::kPolicy, "policy", bytes, &message));
  PolicyRecord out;
  for (const pb::KeyedPolicy& policy : message.policies()) {
    if (policy.direction() > TG_DIRECTION_BOTH) return Status::Corrupt("policy record: the direction does not exist");
    out.policies.push_back({policy.model(), policy.direction(), policy.bound(), policy.again(), policy.changed_hlc()});
  }
  *record = std::move(out);
  return {};
}

std::string EncodeRecord(const ConflictRecord& record) {
  pb::ConflictState message;
  message.set_link(record.link);
  message.set_reason(Readable(record.reason));
  message.set_since_unix_ms(record.since_unix_ms);
  Put(record.winner, message.mutable_winner());
  message.set_change(record.change);
  return Seal(Kind::kConflict, message);
}

Status DecodeRecord(std::string_view bytes, ConflictRecord* record) {
  pb::ConflictState message;
  TG_RETURN_IF_ERROR(Open(Kind::kConflict, "conflict", bytes, &message));
  ConflictRecord out;
  out.reason = message.reason();
  out.since_unix_ms = message.since_unix_ms();
  out.change = message.change();
  TG_RETURN_IF_ERROR(Corrupt("conflict", TakeAgent("link", message.link(), &out.link)));
  TG_RETURN_IF_ERROR(Corrupt("conflict", Take(message.winner(), &out.winner)));
  *record = std::move(out);
  return {};
}

std::string EncodeRecord(const GoneRecord& record) {
  pb::GoneState message;
  message.set_agent(record.agent);
  message.set_lane(record.lane);
  message.set_owner(record.owner);
  message.set_pk(record.pk);
  message.set_sk(record.sk);
  Put(record.from, message.mutable_from());
  Put(record.to, message.mutable_to());
  message.set_since_unix_ms(record.since_unix_ms);
  return Seal(Kind::kGone, message);
}

Status DecodeRecord(std::string_view bytes, GoneRecord* record) {
  pb::GoneState message;
  TG_RETURN_IF_ERROR(Open(Kind::kGone, "loss", bytes, &message));
  GoneRecord out;
  out.pk = message.pk();
  out.sk = message.sk();
  out.since_unix_ms = message.since_unix_ms();
  TG_RETURN_IF_ERROR(Corrupt("loss", TakeAgent("agent", message.agent(), &out.agent)));
  TG_RETURN_IF_ERROR(Corrupt("loss", TakeAgent("owner", message.owner(), &out.owner)));
  TG_RETURN_IF_ERROR(Corrupt("loss", TakeLane(message.lane(), &out.lane)));
  TG_RETURN_IF_ERROR(Corrupt("loss", Take(message.from(), &out.from)));
  TG_RETURN_IF_ERROR(Corrupt("loss", Take(message.to(), &out.to)));
  *record = std::move(out);
  return {};
}

std::string EncodeRecord(const Edge& record) {
  pb::Edge message;
  Put(record, &message);
  return Seal(Kind::kEdge, message);
}

Status DecodeRecord(std::string_view bytes, Edge* record) {
  pb::Edge message;
  TG_RETURN_IF_ERROR(Open(Kind::kEdge, "edge", bytes, &message));
  Edge out;
  TG_RETURN_IF_ERROR(Corrupt("edge", Take(message, &out)));
  *record = out;
  return {};
}

std::string EncodeRecord(const Watermark& record) {
  pb::Watermark message;
  Put(record, &message);
  return Seal(Kind::kWatermark, message);
}

Status DecodeRecord(std::string_view bytes, Watermark* record) {
  pb::Watermark message;
  TG_RETURN_IF_ERROR(Open(Kind::kWatermark, "watermark", bytes, &message));
  Watermark out;
  TG_RETURN_IF_ERROR(Corrupt("watermark", Take(message, &out)));
  *record = out;
  return {};
}

}  // namespace tidegate::wire
