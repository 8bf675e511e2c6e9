// A whole events plugin: logs when a neighbour comes and goes, and refuses changes of the model named
// "Forbidden", whoever wrote them. Unlike a policy it may have threads, files and sockets; the calls below
// come from the node's writer thread, which waits for them.
#include <optional>
#include <string>
#include <string_view>

#include "tidegate/cpp/events.h"
#include "tidegate/cpp/plugin.h"

namespace {

namespace sdk = tidegate::sdk;

class Notice {
 public:
  Notice(const sdk::Host& host, std::string_view /*config_json*/) : log_(host.log()) {}

  void Connected(const tg_link_event& link) { log_.Info("agent " + std::to_string(link.agent) + " is connected"); }
  void Disconnected(const tg_link_event& link) {
    log_.Info("agent " + std::to_string(link.agent) + " is gone: " + std::string(sdk::View(link.reason)));
  }

  // An answer is a veto: a local write fails with it, an incoming change is quarantined with it.
  std::optional<std::string> Changing(const tg_change_event& event) {
    if (sdk::View(event.change->model) == "Forbidden")
      return "items of the model Forbidden are refused by events-notice";
    return std::nullopt;
  }

 private:
  const sdk::Log log_;
};

}  // namespace

TIDEGATE_PLUGIN("events-notice", TG_EVENTS_KIND, "0.1.0", R"({"type": "object", "additionalProperties": false})",
                tidegate::sdk::EventsPlugin<Notice>);
