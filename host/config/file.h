// Reading the small files that a configuration names.
// Thread safety: functions without shared state. Ownership: none.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "host/base/status.h"

namespace tidegate {

// The content of a regular file of at most bytes_max bytes. kNotFound if there is none.
Result<std::string> ReadSmallFile(const std::string& path, size_t bytes_max);

// Names in directory that end in suffix and do not begin with a dot, sorted by bytes; none if there is
// no such directory.
Result<std::vector<std::string>> ListFiles(const std::string& directory, const std::string& suffix);

// The folder of a path: "a/b.yaml" -> "a", "b.yaml" -> ".".
std::string FolderOf(const std::string& path);

// path, taken from folder unless it is absolute.
std::string PathFrom(const std::string& folder, const std::string& path);

}  // namespace tidegate
