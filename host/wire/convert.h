// Between the generated messages of schemas/wire.proto and the values of frames.h.
// Put never fails. Take checks every range and says what is wrong; a value that was taken can be put.
// Thread safety: pure functions. Ownership: strings are copied; changes are views into the message
// (its bytes field) and into ChangeSink::extras.
#pragma once

#include <deque>
#include <string>

#include "host/base/status.h"
#include "host/wire/frames.h"
#include "wire.pb.h"

namespace tidegate::wire {

namespace pb = v1;

// Where changes of a frame go, and how many may still come.
struct ChangeSink {
  uint64_t changes_left = 0;
  std::deque<std::string>* extras = nullptr;
  Status Take(const std::string& list, std::vector<tg_change>* changes);
};

Status TakeAgent(const char* what, uint64_t from, AgentId* to);
Status TakeLane(uint32_t from, uint32_t* to);
Status TakeKind(uint32_t from, uint32_t* to);  // 0 = not said
Status TakeReplica(const std::string& from, ReplicaId* to);

void Put(const Version& from, pb::Version* to);
void Put(const Watermark& from, pb::Watermark* to);
void Put(const EpochStart& from, pb::EpochStart* to);
void Put(const Edge& from, pb::Edge* to);
void Put(const Scope& from, pb::Scope* to);
void Put(const ModelPolicy& from, pb::ModelPolicy* to);
void Put(const LaneWatermark& from, pb::LaneWatermark* to);
void Put(const Hold& from, pb::Hold* to);
void Put(const Hello& from, pb::Hello* to);
void Put(const Refuse& from, pb::Refuse* to);
void Put(const Batch& from, pb::Batch* to);
void Put(const Ack& from, pb::Ack* to);
void Put(const Routes& from, pb::Routes* to);
void Put(const SyncAsk& from, pb::SyncAsk* to);
void Put(const SyncDone& from, pb::SyncDone* to);
void Put(const CompareReport& from, pb::CompareReport* to);
void Put(const CompareAsk& from, pb::CompareAsk* to);
void Put(const CompareAnswer& from, pb::CompareAnswer* to);
void PutReplica(const ReplicaId& from, std::string* to);

Status Take(const pb::Version& from, Version* to);
Status Take(const pb::Watermark& from, Watermark* to);
Status Take(const pb::EpochStart& from, EpochStart* to);
Status Take(const pb::Edge& from, Edge* to);
Status Take(const pb::Scope& from, Scope* to);
Status Take(const pb::ModelPolicy& from, ModelPolicy* to);
Status Take(const pb::LaneWatermark& from, LaneWatermark* to);
Status Take(const pb::Hold& from, Hold* to);
Status Take(const pb::Hello& from, Hello* to);
Status Take(const pb::Refuse& from, Refuse* to);
Status Take(const pb::Batch& from, ChangeSink* sink, Batch* to);
Status Take(const pb::Ack& from, Ack* to);
Status Take(const pb::Routes& from, Routes* to);
Status Take(const pb::SyncAsk& from, SyncAsk* to);
Status Take(const pb::SyncDone& from, SyncDone* to);
void Take(const pb::CompareReport& from, CompareReport* to);
Status Take(const pb::CompareAsk& from, CompareAsk* to);
Status Take(const pb::CompareAnswer& from, ChangeSink* sink, CompareAnswer* to);

template <typename Values, typename Messages>
void PutAll(const Values& from, Messages* to) {
  for (const auto& value : from) Put(value, to->Add());
}

template <typename Messages, typename Values>
Status TakeAll(const Messages& from, Values* to) {
  to->resize(static_cast<size_t>(from.size()));
  for (int i = 0; i < from.size(); ++i) TG_RETURN_IF_ERROR(Take(from[i], &(*to)[static_cast<size_t>(i)]));
  return {};
}

}  // namespace tidegate::wire
