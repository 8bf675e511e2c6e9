#include "host/wire/convert.h"
#include "host/wire/utf8.h"

namespace tidegate::wire {

void Put(const SyncAsk& from, pb::SyncAsk* to) {
  to->set_number(from.number);
  to->set_agent(from.agent);
  to->set_subtree(from.subtree);
  to->set_push(from.push);
  to->set_pull(from.pull);
  to->set_compare(from.compare);
  to->set_timeout_ms(from.timeout_ms);
}

Status Take(const pb::SyncAsk& from, SyncAsk* to) {
  to->number = from.number();
  to->subtree = from.subtree();
  to->push = from.push();
  to->pull = from.pull();
  to->compare = from.compare();
  to->timeout_ms = from.timeout_ms();
  return TakeAgent("agent", from.agent(), &to->agent);
}

void Put(const SyncDone& from, pb::SyncDone* to) {
  to->set_number(from.number);
  to->set_failure(Readable(from.failure));
}

Status Take(const pb::SyncDone& from, SyncDone* to) {
  to->number = from.number();
  to->failure = from.failure();
  return {};
}

}  // namespace tidegate::wire
