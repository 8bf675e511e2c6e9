// A disk that fails when told to: SQLite's default VFS with faults put between. Register it once, before the storage
// under test opens anything; plugins in the same process use it too.
// Thread safety: any thread. Ownership: registered for the life of the process.
#pragma once

#include <cstdint>
#include <string>

namespace tidegate::contract {

enum class DiskCall : uint8_t { kWrite, kSync };

class FaultyDisk {
 public:
  // The one of the process; registers it.
  static FaultyDisk& Get();

  // From the nth such call on (1 = the next) on files whose name ends so, `times` calls fail with an extended code of
  // SQLite. An empty ending is every file.
  void Fail(DiskCall call, const std::string& ending, int nth, int times, int code);
  void Heal();
  uint64_t failures() const;
  uint64_t calls(DiskCall call, const std::string& ending) const;  // since Heal

  // Of the VFS: SQLITE_OK, or what this call fails with.
  int Called(DiskCall call, const char* file);
};

}  // namespace tidegate::contract
