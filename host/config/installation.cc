#include "host/config/installation.h"

#include <filesystem>

namespace tidegate {

std::string InstalledPluginDir() {
  namespace fs = std::filesystem;
  std::error_code error;
  fs::path program = fs::read_symlink("/proc/self/exe", error);
  if (!error) {
    fs::path moved = (program.parent_path() / TIDEGATE_PLUGIN_DIR_FROM_BIN).lexically_normal();
    if (fs::is_directory(moved, error)) return moved.string();
  }
  return TIDEGATE_INSTALLED_PLUGIN_DIR;
}

}  // namespace tidegate
