// tidegate status: the node and its links on a page.
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <thread>

#include "host/cli/commands.h"
#include "host/cli/daemon.h"
#include "host/cli/table.h"

namespace tidegate::cli {
namespace {

const char* LaneName(uint64_t lane) {
  static constexpr const char* kNames[] = {"urgent", "state", "history", "bulk"};
  return lane < 4 ? kNames[lane] : "?";
}

int64_t Signed(const Json& object, const char* name) {
  auto found = object.find(name);
  return found != object.end() && found->is_number_integer() ? found->get<int64_t>() : -1;
}

class Paint {
 public:
  explicit Paint(bool on) : on_(on) {}
  std::string Bold(const std::string& text) const { return With("1", text); }
  std::string State(const std::string& text) const {
    if (text == "up") return With("32", text);
    return With(text == "refused" || text == "down" ? "31" : "33", text);
  }
  std::string Bad(const std::string& text) const { return With("31", text); }

 private:
  std::string With(const char* code, const std::string& text) const {
    return on_ ? "\033[" + std::string(code) + "m" + text + "\033[0m" : text;
  }
  bool on_;
};

// An error from before the link was up again is history: not in red, and with its age.
std::string LastError(const Json& link, int64_t now_ms, const Paint& paint) {
  std::string error = Printable(Text(link, "last_error"));
  if (error.empty()) return "none";
  int64_t age_ms = std::max<int64_t>(0, now_ms - Signed(link, "last_error_unix_ms"));
  if (Text(link, "state") == "up") return Duration(age_ms) + " ago, over: " + error;
  return paint.Bad((age_ms < 1000 ? "" : Duration(age_ms) + " ago: ") + error);
}

std::string CauseOf(const Json& verify) {
  std::string cause = Text(verify, "cause"), reason = Printable(Text(verify, "reason"));
  if (cause == "period") cause = "by itself";
  return reason.empty() ? cause : cause + ", " + reason;
}

// The last comparison of the link, and the one under way.
void PrintVerify(const Json& link, int64_t now_ms, const Paint& paint) {
  const Json verify = link.value("verify", Json::object());
  if (std::string state = Text(verify, "state"); !state.empty()) {
    std::string owners = Number(verify, "owners") == 0 ? ""
                                                       : ", " + Count(Number(verify, "owners_done")) + " of " +
                                                             Count(Number(verify, "owners")) + " owners";
    std::printf("  verify         %s now (%s): %s rows%s\n", state.c_str(), CauseOf(verify).c_str(),
                Count(Number(verify, "rows")).c_str(), owners.c_str());
  } else if (int64_t next = Signed(verify, "next_in_ms"); next >= 0) {
    std::printf("  verify         by itself in %s\n", Duration(next).c_str());
  }
  const Json last = verify.value("last", Json());
  if (!last.is_object()) return;
  uint64_t differed = Number(last, "missing_here") + Number(last, "missing_there") + Number(last, "differing");
  std::string found = "equal";
  if (differed != 0)
    found = paint.Bad(Count(differed) + " differed") + ", " + Count(Number(last, "mended")) + " mended";
  std::printf("  verified       %s ago (%s): %s; %s rows, %s\n",
              Duration(std::max<int64_t>(0, now_ms - Signed(last, "ended_unix_ms"))).c_str(), CauseOf(last).c_str(),
              found.c_str(), Count(Number(last, "rows")).c_str(),
              Bytes(Number(last, "bytes_sent") + Number(last, "bytes_received")).c_str());
}

void PrintLink(const Json& link, int64_t now_ms, const Paint& paint) {
  uint64_t agent = Number(link, "agent");
  std::string title = std::string(link.value("is_parent", false) ? "parent" : "child") + " " +
                      (agent == 0 ? "not known yet" : std::to_string(agent));
  std::string role = Text(link, "role");
  if (!role.empty())
    title += " (" + role + (Number(link, "level") != 0 ? ", level " + std::to_string(Number(link, "level")) : "") + ")";
  std::printf("\n%s  %s\n", paint.Bold(Printable(title)).c_str(), paint.State(Printable(Text(link, "state"))).c_str());

  uint64_t pending = Number(link, "pending_changes");
  std::string waits = pending == 0
                          ? "nothing"
                          : (link.value("pending_exact", true) ? "" : "at least ") + Count(pending) +
                                (pending == 1 ? " change, " : " changes, ") + Bytes(Number(link, "pending_bytes")) +
                                ", oldest " + Duration(Signed(link, "oldest_pending_age_ms"));
  std::printf("  pending        %s\n", waits.c_str());
  int64_t progress = Signed(link, "last_progress_age_ms");
  std::printf("  last progress  %s\n", progress < 0 ? "never" : (Duration(progress) + " ago").c_str());
  for (const Json& lane : link.value("lanes", Json::array())) {
    std::printf("  watermark      %-8s acked %s, delivered %s, held %s\n", LaneName(Number(lane, "lane")),
                Count(Number(lane, "acked")).c_str(), Count(Number(lane, "delivered")).c_str(),
                Count(Number(lane, "held")).c_str());
  }
  std::printf("  traffic        sent %s in %s frames, received %s in %s frames, %s resent\n",
              Bytes(Number(link, "bytes_sent")).c_str(), Count(Number(link, "frames_sent")).c_str(),
              Bytes(Number(link, "bytes_received")).c_str(), Count(Number(link, "frames_received")).c_str(),
              Count(Number(link, "resends")).c_str());
  if (uint64_t plain = Number(link, "plain_bytes_sent") + Number(link, "plain_bytes_received"); plain > 0) {
    uint64_t wire = Number(link, "bytes_sent") + Number(link, "bytes_received");
    std::printf("  compression    %s to %s\n", Bytes(plain).c_str(), Bytes(wire).c_str());
  }
  if (link.value("stalled", false)) {
    std::printf("  moving         %s\n", paint
                                             .Bad("no: opened anew " + Count(Number(link, "stalls")) +
                                                  (Number(link, "stalls") == 1 ? " time" : " times"))
                                             .c_str());
  }
  if (Number(link, "unsettled_scopes") > 0) {
    std::printf("  reconciling    %s scopes\n", Count(Number(link, "unsettled_scopes")).c_str());
  }
  PrintVerify(link, now_ms, paint);
  if (Number(link, "quarantined") > 0) {
    std::printf("  quarantined    %s (tidegate quarantine list)\n", Count(Number(link, "quarantined")).c_str());
  }
  for (const Json& hold : link.value("holds", Json::array())) {
    uint64_t by = Number(hold, "by");
    std::string who = hold.value("ours", false) ? "held here"
                      : by != 0                 ? "held by agent " + std::to_string(by)
                                                : "held there";
    if (hold.value("released", false)) who += ", ending";
    std::printf("  hold           %s: %s (%s): %s\n", Printable(Text(hold, "model")).c_str(), who.c_str(),
                Printable(Text(hold, "reason")).c_str(), Printable(Text(hold, "message")).c_str());
  }
  int64_t lease = Signed(link, "lease_until_unix_ms");
  if (Text(link, "state") != "up" && link.value("lease_over", false)) {
    std::printf("  lease          over: it is reconciled when it comes back\n");
  } else if (Text(link, "state") != "up" && lease > now_ms) {
    std::printf("  lease          waited for another %s\n", Duration(lease - now_ms).c_str());
  }
  std::string address = Text(link, "address");
  if (!address.empty()) {
    std::printf("  peer           %s%s\n", Printable(address).c_str(),
                link.value("authenticated", false) ? ", authenticated" : ", not authenticated");
  }
  std::string ended = Text(link, "last_disconnect");
  if (!ended.empty()) {
    std::printf("  disconnected   %s, %s\n", IsoTime(Signed(link, "last_disconnect_unix_ms")).c_str(),
                Printable(ended).c_str());
  }
  std::printf("  last error     %s\n", LastError(link, now_ms, paint).c_str());
}

void PrintStatus(const Json& status, const Paint& paint) {
  std::string level = std::to_string(Number(status, "level"));
  std::string configured = std::to_string(Number(status, "level_configured"));
  if (level != configured) level += " (set while running; configured " + configured + ")";
  std::printf("%s  %s, level %s, %s\n", paint.Bold("agent " + std::to_string(Number(status, "agent"))).c_str(),
              Text(status, "role").c_str(), level.c_str(),
              status.value("healthy", false) ? "healthy" : paint.Bad("not healthy").c_str());
  if (status.value("links_off", false)) std::printf("  links          all switched off (tidegate link on all)\n");
  for (const Json& problem : status.value("problems", Json::array())) {
    std::printf("  problem        %s\n",
                paint.Bad(Printable(problem.is_string() ? problem.get<std::string>() : ToText(problem))).c_str());
  }
  std::printf("  replica        %s, epoch %s\n", Text(status, "replica").c_str(), Text(status, "epoch").c_str());
  uint64_t items = Number(status, "items"), tombstones = Number(status, "tombstones");
  std::printf("  holds          %s %s, %s %s, %s, head %s\n", Count(items).c_str(), items == 1 ? "item" : "items",
              Count(tombstones).c_str(), tombstones == 1 ? "tombstone" : "tombstones",
              Bytes(Number(status, "storage_bytes")).c_str(), Count(Number(status, "head")).c_str());
  int64_t horizon = Signed(status, "purge_horizon_unix_ms");
  if (horizon > 0) {
    std::printf("  forgotten      tombstones of deletes before %s\n", IsoTime(horizon).c_str());
  }
  if (Signed(status, "restored_unix_ms") > 0) {
    int64_t age_ms = std::max<int64_t>(Signed(status, "unix_ms") - Signed(status, "restored_unix_ms"), 0);
    std::printf("  restored       %s ago, from a backup or rolled back%s\n", Duration(age_ms).c_str(),
                Text(status, "role") == "server" ? "; nothing is removed below: see 'tidegate losses list'" : "");
  }
  if (Number(status, "quarantined") > 0) {
    std::printf("  quarantined    %s (tidegate quarantine list)\n", Count(Number(status, "quarantined")).c_str());
  }
  for (const Json& quota : status.value("quotas", Json::array())) {
    std::string use;
    if (Number(quota, "items_max") > 0)
      use = Count(Number(quota, "items")) + " of " + Count(Number(quota, "items_max")) + " items";
    if (Number(quota, "bytes_max") > 0) {
      use += (use.empty() ? "" : ", ") + Bytes(Number(quota, "bytes")) + " of " + Bytes(Number(quota, "bytes_max"));
    }
    std::printf("  quota          %s: %s%s\n", Printable(Text(quota, "model")).c_str(), use.c_str(),
                quota.value("full", false) ? (", full: " + Printable(Text(quota, "when_full"))).c_str() : "");
  }
  for (const Json& loss : status.value("losses", Json::array())) {
    std::printf("  dropped        %s items of %s of agent %llu, undelivered (%s)\n",
                Count(Number(loss, "items")).c_str(), Printable(Text(loss, "model")).c_str(),
                static_cast<unsigned long long>(Number(loss, "owner")), Printable(Text(loss, "reason")).c_str());
  }
  std::string models;
  for (const Json& model : status.value("models", Json::array())) {
    models += (models.empty() ? "" : "; ") + (model.is_string() ? model.get<std::string>() : ToText(model));
  }
  if (!models.empty()) std::printf("  models         %s\n", Printable(models).c_str());
  for (const Json& link : status.value("links", Json::array())) PrintLink(link, Signed(status, "unix_ms"), paint);
}

int Status(const Arguments& arguments) {
  bool terminal = isatty(STDOUT_FILENO) == 1;
  Paint paint(terminal && std::getenv("NO_COLOR") == nullptr);
  bool watch = arguments.Has("--watch");
  while (true) {
    Result<Json> status = Ask(arguments, "GET", "/v1/status");
    if (!status.ok()) return Fail(status.status());
    if (watch && terminal && !arguments.json()) std::printf("\033[H\033[2J");
    if (arguments.json()) {
      PrintJson(*status);
    } else {
      PrintStatus(*status, paint);
    }
    if (!watch) return kExitOk;
    if (!terminal && !arguments.json()) std::printf("\n");
    if (std::fflush(stdout) != 0) return kExitFailed;
    std::this_thread::sleep_for(std::chrono::seconds(1));
  }
}

}  // namespace

Command StatusCommand() {
  return {"status",
          "",
          "shows the node and its links: state, watermarks, what is pending",
          {{"--watch", "", "again every second, until Ctrl-C"}},
          "acked is the position of our feed that the neighbour has durably, delivered the one that has\n"
          "reached its destination, held the position of its feed that we have durably.\n\n"
          "example:\n  tidegate status --json | jq '.links[].pending_changes'\n",
          0,
          0,
          Status};
}

}  // namespace tidegate::cli
