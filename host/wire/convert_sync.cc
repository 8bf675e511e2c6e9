#include "host/wire/convert.h"
#include "host/wire/utf8.h"

namespace tidegate::wire {

void Put(const CompareReport& from, pb::CompareReport* to) {
  for (const ModelDifference& model : from.models) {
    pb::ModelDifference* added = to->add_models();
    added->set_model(model.model);
    added->set_missing_here(model.missing_here);
    added->set_missing_there(model.missing_there);
    added->set_differing(model.differing);
    added->set_mended(model.mended);
  }
  to->set_dropped(from.dropped);
  to->set_rows(from.rows);
  to->set_questions(from.questions);
  to->set_ranges(from.ranges);
  to->set_bytes_sent(from.bytes_sent);
  to->set_bytes_received(from.bytes_received);
  to->set_took_ms(from.took_ms);
  to->set_cause(from.cause);
  to->set_reason(Readable(from.reason));
  to->set_ended_unix_ms(from.ended_unix_ms);
}

void Take(const pb::CompareReport& from, CompareReport* to) {
  for (const pb::ModelDifference& model : from.models()) {
    to->models.push_back(
        {model.model(), model.missing_here(), model.missing_there(), model.differing(), model.mended()});
  }
  to->dropped = from.dropped();
  to->rows = from.rows();
  to->questions = from.questions();
  to->ranges = from.ranges();
  to->bytes_sent = from.bytes_sent();
  to->bytes_received = from.bytes_received();
  to->took_ms = from.took_ms();
  to->cause = from.cause();
  to->reason = from.reason();
  to->ended_unix_ms = from.ended_unix_ms();
}

void Put(const SyncAsk& from, pb::SyncAsk* to) {
  to->set_number(from.number);
  to->set_agent(from.agent);
  to->set_subtree(from.subtree);
  to->set_push(from.push);
  to->set_pull(from.pull);
  to->set_compare(from.compare);
  to->set_timeout_ms(from.timeout_ms);
  to->set_verify(from.verify);
}

Status Take(const pb::SyncAsk& from, SyncAsk* to) {
  to->number = from.number();
  to->subtree = from.subtree();
  to->push = from.push();
  to->pull = from.pull();
  to->compare = from.compare();
  if (from.verify() > 2) return Status::Invalid("verify " + std::to_string(from.verify()) + " does not exist");
  to->timeout_ms = from.timeout_ms();
  to->verify = from.verify();
  return TakeAgent("agent", from.agent(), &to->agent);
}

void Put(const SyncDone& from, pb::SyncDone* to) {
  to->set_number(from.number);
  to->set_failure(Readable(from.failure));
  to->set_timed_out(from.timed_out);
  if (from.report) Put(*from.report, to->mutable_report());
}

Status Take(const pb::SyncDone& from, SyncDone* to) {
  to->number = from.number();
  to->failure = from.failure();
  to->timed_out = from.timed_out();
  if (from.has_report()) Take(from.report(), &to->report.emplace());
  return {};
}

}  // namespace tidegate::wire
