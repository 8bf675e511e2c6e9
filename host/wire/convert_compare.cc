#include "host/wire/change_list.h"
#include "host/wire/convert.h"

namespace tidegate::wire {
namespace {

void Put(const KeyBound& from, pb::KeyBound* to) {
  to->set_pk(from.pk);
  to->set_sk(from.sk);
}

KeyBound BoundOf(const pb::KeyBound& from) { return {from.pk(), from.sk()}; }

void Put(const KeyRange& from, pb::KeyRange* to) {
  Put(from.from, to->mutable_from());
  if (from.has_to) Put(from.to, to->mutable_to());
}

KeyRange RangeOf(const pb::KeyRange& from) { return {BoundOf(from.from()), from.has_to(), BoundOf(from.to())}; }

void Put(const KeyVersion& from, pb::KeyVersion* to) {
  to->set_pk(from.pk);
  to->set_sk(from.sk);
  wire::Put(from.version, to->mutable_version());
  to->set_kind(from.kind);
  to->set_digest(from.digest);
  to->set_model(from.model);
  to->set_missing(from.missing);
}

Status Take(const pb::KeyVersion& from, KeyVersion* to) {
  to->pk = from.pk();
  to->sk = from.sk();
  TG_RETURN_IF_ERROR(TakeKind(from.kind(), &to->kind));
  to->digest = from.digest();
  to->model = from.model();
  to->missing = from.missing();
  return wire::Take(from.version(), &to->version);
}

template <typename Messages>
void PutKeys(const std::vector<KeyVersion>& from, Messages* to) {
  for (const KeyVersion& key : from) Put(key, to->Add());
}

template <typename Messages>
Status TakeKeys(const Messages& from, std::vector<KeyVersion>* to) {
  to->reserve(static_cast<size_t>(from.size()));
  for (const pb::KeyVersion& key : from) TG_RETURN_IF_ERROR(Take(key, &to->emplace_back()));
  return {};
}

void Put(const RangeAsk& from, pb::RangeAsk* to) {
  Put(from.range, to->mutable_range());
  to->set_count(from.count);
  to->set_sum(from.sum);
  to->set_listed(from.listed);
  PutKeys(from.keys, to->mutable_keys());
}

Status Take(const pb::RangeAsk& from, RangeAsk* to) {
  to->range = RangeOf(from.range());
  to->count = from.count();
  to->sum = from.sum();
  to->listed = from.listed();
  return TakeKeys(from.keys(), &to->keys);
}

void Put(const RangePart& from, pb::RangePart* to) {
  Put(from.range, to->mutable_range());
  to->set_count(from.count);
  to->set_sum(from.sum);
}

void Put(const RangeAnswer& from, pb::RangeAnswer* to) {
  Put(from.range, to->mutable_range());
  to->set_verdict(static_cast<uint32_t>(from.verdict));
  for (const RangePart& part : from.parts) Put(part, to->add_parts());
  if (!from.changes.empty()) to->set_changes(EncodeChangeList(from.changes));
  PutKeys(from.wants, to->mutable_wants());
  PutKeys(from.removals, to->mutable_removals());
  if (from.has_rest) Put(from.rest, to->mutable_rest());
  to->set_later(from.later);
  PutKeys(from.lacks, to->mutable_lacks());
  to->set_dropped(from.dropped);
}

Status Take(const pb::RangeAnswer& from, ChangeSink* sink, RangeAnswer* to) {
  if (from.verdict() < static_cast<uint32_t>(RangeVerdict::kSame) ||
      from.verdict() > static_cast<uint32_t>(RangeVerdict::kLater)) {
    return Status::Invalid("verdict " + std::to_string(from.verdict()) + " does not exist");
  }
  to->range = RangeOf(from.range());
  to->verdict = static_cast<RangeVerdict>(from.verdict());
  for (const pb::RangePart& part : from.parts()) {
    to->parts.push_back({RangeOf(part.range()), part.count(), part.sum()});
  }
  to->has_rest = from.has_rest();
  to->rest = BoundOf(from.rest());
  to->later = from.later();
  to->dropped = from.dropped();
  TG_RETURN_IF_ERROR(TakeKeys(from.lacks(), &to->lacks));
  TG_RETURN_IF_ERROR(TakeKeys(from.wants(), &to->wants));
  TG_RETURN_IF_ERROR(TakeKeys(from.removals(), &to->removals));
  return sink->Take(from.changes(), &to->changes);
}

}  // namespace

void Put(const CompareAsk& from, pb::CompareAsk* to) {
  to->set_pass(from.pass);
  to->set_ask(from.ask);
  to->set_owner(from.owner);
  to->set_direction_mask(from.direction_mask);
  to->set_model(from.model);
  to->set_cut(from.cut);
  to->set_up_only(from.up_only);
  to->set_look(from.look);
  to->set_prepare(from.prepare);
  to->set_slow(from.slow);
  to->set_asked(from.asked);
  to->set_expired_ms(from.expired_ms);
  for (const RangeAsk& range : from.ranges) Put(range, to->add_ranges());
}

Status Take(const pb::CompareAsk& from, CompareAsk* to) {
  if (from.direction_mask() > TG_DIRECTION_BOTH) return Status::Invalid("direction mask out of range");
  if (from.expired_ms() < 0) return Status::Invalid("expired_ms is negative");
  to->pass = from.pass();
  to->ask = from.ask();
  to->direction_mask = from.direction_mask();
  to->model = from.model();
  to->cut = from.cut();
  to->up_only = from.up_only();
  to->look = from.look();
  to->prepare = from.prepare();
  to->slow = from.slow();
  to->asked = from.asked();
  to->expired_ms = from.expired_ms();
  TG_RETURN_IF_ERROR(TakeAgent("owner", from.owner(), &to->owner));
  for (const pb::RangeAsk& range : from.ranges()) TG_RETURN_IF_ERROR(Take(range, &to->ranges.emplace_back()));
  return {};
}

void Put(const CompareAnswer& from, pb::CompareAnswer* to) {
  to->set_pass(from.pass);
  to->set_ask(from.ask);
  to->set_owner(from.owner);
  to->set_purge_horizon(from.purge_horizon);
  to->set_sure(from.sure);
  to->set_own(from.own);
  for (const RangeAnswer& range : from.ranges) Put(range, to->add_ranges());
}

Status Take(const pb::CompareAnswer& from, ChangeSink* sink, CompareAnswer* to) {
  to->pass = from.pass();
  to->ask = from.ask();
  to->purge_horizon = from.purge_horizon();
  to->sure = from.sure();
  to->own = from.own();
  TG_RETURN_IF_ERROR(TakeAgent("owner", from.owner(), &to->owner));
  for (const pb::RangeAnswer& range : from.ranges()) {
    TG_RETURN_IF_ERROR(Take(range, sink, &to->ranges.emplace_back()));
  }
  return {};
}

}  // namespace tidegate::wire
