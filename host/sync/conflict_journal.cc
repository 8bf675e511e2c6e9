#include "host/sync/conflict_journal.h"

#include <algorithm>
#include <charconv>
#include <cstdio>

#include "host/base/views.h"
#include "host/sync/meta_keys.h"
#include "host/wire/codec.h"

namespace tidegate::sync {
namespace {

uint64_t NumberOf(std::string_view key) {
  key.remove_prefix(meta::kConflictPrefix.size());
  uint64_t number = 0;
  std::from_chars(key.data(), key.data() + key.size(), number, 16);
  return number;
}

std::string StateText(const tg_change& change) {
  std::string text = std::to_string(change.key.owner) + '\x1f';
  text.append(View(change.key.pk)).append(1, '\x1f').append(View(change.key.sk));
  return text + '\x1f' + Version::From(change.version).ToText();
}

std::string StateText(std::string_view record) {
  wire::ConflictRecord decoded;
  if (!wire::DecodeRecord(record, &decoded).ok()) return {};
  auto change = wire::DecodeChange(decoded.change);
  return change.ok() ? StateText(change->change) : std::string();
}

}  // namespace

std::string ConflictJournal::Key(uint64_t number) {
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(number));
  return std::string(meta::kConflictPrefix) + text;
}

Status ConflictJournal::Restore() {
  entries_.clear();
  states_.clear();
  bytes_ = 0;
  // next_ stays: a number that a failed commit gave is not given again in this run.
  return storage_.MetaScan(meta::kConflictPrefix, [&](std::string_view key, std::string_view value) {
    entries_.push_back({NumberOf(key), value.size(), StateText(value)});
    states_.insert(entries_.back().state);
    bytes_ += value.size();
    next_ = std::max(next_, entries_.back().number + 1);
    return true;
  });
}

uint64_t ConflictJournal::Stage(const tg_change& loser, const Version& winner, AgentId link, std::string reason,
                                int64_t unix_ms, core::Stage* stage) {
  std::string state = StateText(loser);
  if (states_.contains(state)) return 0;
  wire::ConflictRecord record{link, std::move(reason), unix_ms, winner, wire::EncodeChange(loser)};
  std::string bytes = wire::EncodeRecord(record);
  if (options_.conflict_items_max == 0 || bytes.size() > options_.conflict_bytes_max) return 1;
  uint64_t dropped = 0;
  while (!entries_.empty() &&
         (entries_.size() >= options_.conflict_items_max || bytes_ + bytes.size() > options_.conflict_bytes_max)) {
    StageRemove(entries_.front().number, stage);
    ++dropped;
  }
  uint64_t number = next_++;
  stage->MetaPut(Key(number), bytes);
  states_.insert(state);
  entries_.push_back({number, bytes.size(), std::move(state)});
  bytes_ += bytes.size();
  return dropped;
}

void ConflictJournal::StageRemove(uint64_t number, core::Stage* stage) {
  stage->MetaDelete(Key(number));
  auto found = std::find_if(entries_.begin(), entries_.end(), [&](const Entry& e) { return e.number == number; });
  if (found == entries_.end()) return;
  bytes_ -= found->bytes;
  states_.erase(found->state);
  entries_.erase(found);
}

Status ConflictJournal::ForEach(const std::function<void(uint64_t, const wire::ConflictRecord&)>& fn) const {
  return storage_.MetaScan(meta::kConflictPrefix, [&](std::string_view key, std::string_view value) {
    wire::ConflictRecord record;
    if (wire::DecodeRecord(value, &record).ok()) fn(NumberOf(key), record);
    return true;
  });
}

Result<wire::ConflictRecord> ConflictJournal::Find(uint64_t number) const {
  Result<std::string> bytes = storage_.MetaGet(Key(number));
  if (!bytes.ok()) {
    if (bytes.status().code() != Code::kNotFound) return bytes.status();
    return Status::NotFound("no conflict " + std::to_string(number) +
                            " in the journal; 'tidegate conflicts list' shows what is there, and old ones make room");
  }
  wire::ConflictRecord record;
  TG_RETURN_IF_ERROR(wire::DecodeRecord(bytes.value(), &record));
  return record;
}

}  // namespace tidegate::sync
