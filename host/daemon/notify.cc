#include "host/daemon/notify.h"

#include <systemd/sd-daemon.h>

namespace tidegate::daemon {

void NotifyReady(const std::string& status) { sd_notify(0, ("READY=1\nSTATUS=" + status).c_str()); }
void NotifyStatus(const std::string& status) { sd_notify(0, ("STATUS=" + status).c_str()); }
void NotifyReloading(int64_t monotonic_us) {
  sd_notify(0, ("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(monotonic_us)).c_str());
}
void NotifyStopping() { sd_notify(0, "STOPPING=1\nSTATUS=stopping"); }
void NotifyAlive() { sd_notify(0, "WATCHDOG=1"); }

uint64_t WatchdogUs() {
  uint64_t us = 0;
  return sd_watchdog_enabled(0, &us) > 0 ? us : 0;
}

}  // namespace tidegate::daemon
