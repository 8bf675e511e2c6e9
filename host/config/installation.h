// Where the installation that this program belongs to has its plugins.
// Thread safety: functions without shared state. Ownership: none.
#pragma once

#include <string>

namespace tidegate {

// Beside the running program's own folder, so that an installation may be moved as a whole; else the
// folder fixed at build time.
std::string InstalledPluginDir();

}  // namespace tidegate
