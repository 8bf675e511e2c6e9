// ReconcileAsker: the child's side of a reconcile. It asks its parent about the ranges of some owners, splits where
// digests differ, and names its keys where few are left; what comes back is staged by the node. Live feeds go on
// meanwhile: versions make the overlap harmless. A break stops it where it is.
// Thread safety: the writer thread. Ownership: refers to the storage and the shelf of digests.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "host/core/storage.h"
#include "host/sync/digest_shelf.h"
#include "host/wire/frames.h"

namespace tidegate::sync {

// What is compared, and how.
struct ComparePlan {
  uint64_t pass = 0;
  std::vector<AgentId> owners;
  uint64_t mark_number = 0;  // settles the marks up to it
  Cut cut;                   // what is left out
  bool up_only = false;      // also what only goes up
  bool look = false;         // nothing is changed at either end
  bool slow = false;         // at a low rate, one question at a time
  bool asked = false;        // somebody asked for it
};

class ReconcileAsker {
 public:
  static constexpr uint64_t kListedKeysMax = 16;   // a range with so few keys at one end is listed
  static constexpr uint64_t kListedAtOnceMax = 4;  // and one with so few at ours without a question before
  static constexpr size_t kRangesOfAnAskMax = 16;
  static constexpr size_t kKeysOfAnAskMax = 512;
  static constexpr size_t kAsksInFlightMax = 4;

  ReconcileAsker(const core::Storage& storage, DigestShelf& shelf) : storage_(storage), shelf_(shelf) {}

  void Start(ComparePlan plan);
  // The session broke: what was not answered is asked again in the next one.
  void Pause();
  void Stop();

  bool running() const { return plan_.pass != 0; }
  bool done() const { return running() && work_.empty() && in_flight_.empty(); }
  // Nothing is left to be asked now: the parent is not sure yet.
  bool waiting(int64_t now_us) const;
  uint64_t mark_number() const { return plan_.mark_number; }
  uint64_t pass() const { return plan_.pass; }
  const Cut& cut() const { return plan_.cut; }
  bool look() const { return plan_.look; }
  uint64_t questions() const { return questions_; }
  uint64_t ranges() const { return ranges_; }

  // Positions of this node's own feeds by lane.
  using Positions = std::array<uint64_t, TG_LANE_COUNT>;
  struct Now {
    int64_t us = 0;
    int64_t wait_us = 0;  // for an answer, the first time; it doubles up to the other
    int64_t wait_us_max = 0;
    Positions delivered{};  // as they are now, before the parent can answer
    Positions held{};       // by the parent
  };

  // The next ask, if there is room for one and its digests are read.
  Result<std::optional<wire::CompareAsk>> Next(const Now& now);
  // As they were when this was asked first: what was delivered since may have crossed the answer. None: of an unknown
  // ask.
  Positions DeliveredAt(uint64_t ask) const;
  Positions HeldAt(uint64_t ask) const;
  // Whether this ask named the key with this version: the parent answers with another state of it.
  bool Named(uint64_t ask, std::string_view pk, std::string_view sk, const Version& version) const;
  int64_t NextTimerUs(int64_t now_us) const;

  // Takes an answer apart: false if it is late and nothing of it may be used. What it resolves is
  // reported done by Settled, after the commit that holds it, or Failed.
  bool Answered(const wire::CompareAnswer& answer, int64_t now_us);
  void Settled(uint64_t ask) { in_flight_.erase(ask); }
  void Failed(uint64_t ask, int64_t retry_at_us);

 private:
  struct Work {
    AgentId owner = 0;
    wire::KeyRange range;
    RowClass row_class = RowClass::kDown;
    bool list = false;  // name the keys, whatever their number
    int64_t not_before_us = 0;
    int64_t wait_us = 0;  // how long to wait next for a parent that is not sure yet
  };
  struct InFlight {
    std::vector<Work> works;
    int64_t retry_at_us = 0;
    int64_t wait_us = 0;
    bool answered = false;
    Positions delivered{};
    Positions held{};
    std::set<std::tuple<std::string, std::string, Version>> named;
  };

  using Scope = std::pair<AgentId, RowClass>;
  RangeDigests* Digests(const Work& work, int64_t now_us);
  bool IsReady(const Work& work, const Now& now, std::set<Scope>* unread);
  Status ListKeys(Work* work, const Now& now, size_t room, wire::RangeAsk* ask);
  Status Fill(Work* work, const Now& now, size_t room, wire::RangeAsk* ask);
  Result<wire::CompareAsk> AskFor(uint64_t number, std::vector<Work>* works, const Now& now);
  static void NoteNamed(const wire::CompareAsk& ask, InFlight* flight);
  std::optional<wire::CompareAsk> Prepare();
  void Split(const Work& asked, const wire::RangeAnswer& answer, int64_t now_us);

  const core::Storage& storage_;
  DigestShelf& shelf_;
  ComparePlan plan_;
  uint64_t next_ask_ = 1;
  uint64_t questions_ = 0;
  uint64_t ranges_ = 0;
  std::deque<Work> work_;
  std::map<uint64_t, InFlight> in_flight_;
  std::set<Scope> prepared_;       // the parent was told to read these
  std::vector<Scope> to_prepare_;  // and is to be told
};

}  // namespace tidegate::sync
