// What systemd is told: ready, stopping, status, and that we are alive. Does nothing without systemd.
// Thread safety: one thread. Ownership: none.
#pragma once

#include <cstdint>
#include <string>

namespace tidegate::daemon {

void NotifyReady(const std::string& status);
void NotifyStatus(const std::string& status);
void NotifyReloading(int64_t monotonic_us);
void NotifyStopping();
void NotifyAlive();
// Microseconds within which NotifyAlive is expected; 0 = no watchdog.
uint64_t WatchdogUs();

}  // namespace tidegate::daemon
