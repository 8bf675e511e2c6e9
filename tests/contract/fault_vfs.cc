#include "tests/contract/fault_vfs.h"

#include <sqlite3.h>

#include <map>
#include <mutex>
#include <new>
#include <string_view>

namespace tidegate::contract {
namespace {

struct Plan {
  bool active = false;
  DiskCall call = DiskCall::kWrite;
  std::string ending;
  int countdown = 0, times = 0, code = 0;
};

std::mutex mutex;
Plan plan;
uint64_t failures_ = 0;
std::map<std::pair<DiskCall, std::string>, uint64_t> calls_;

bool EndsWith(std::string_view text, std::string_view ending) {
  return text.size() >= ending.size() && text.substr(text.size() - ending.size()) == ending;
}

// The real file lies behind it in the memory that SQLite gives.
struct File {
  sqlite3_file base;
  const char* name;
  sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
};

template <auto method, typename... Arguments>
int Forward(sqlite3_file* file, Arguments... arguments) {
  sqlite3_file* real = reinterpret_cast<File*>(file)->real();
  return (real->pMethods->*method)(real, arguments...);
}

int Write(sqlite3_file* file, const void* data, int size, sqlite3_int64 at) {
  const int fault = FaultyDisk::Get().Called(DiskCall::kWrite, reinterpret_cast<File*>(file)->name);
  return fault != SQLITE_OK ? fault : Forward<&sqlite3_io_methods::xWrite>(file, data, size, at);
}

int Sync(sqlite3_file* file, int flags) {
  const int fault = FaultyDisk::Get().Called(DiskCall::kSync, reinterpret_cast<File*>(file)->name);
  return fault != SQLITE_OK ? fault : Forward<&sqlite3_io_methods::xSync>(file, flags);
}

void ShmBarrier(sqlite3_file* file) {
  sqlite3_file* real = reinterpret_cast<File*>(file)->real();
  real->pMethods->xShmBarrier(real);
}

const sqlite3_io_methods kMethods = {
    2,
    &Forward<&sqlite3_io_methods::xClose>,
    &Forward<&sqlite3_io_methods::xRead, void*, int, sqlite3_int64>,
    &Write,
    &Forward<&sqlite3_io_methods::xTruncate, sqlite3_int64>,
    &Sync,
    &Forward<&sqlite3_io_methods::xFileSize, sqlite3_int64*>,
    &Forward<&sqlite3_io_methods::xLock, int>,
    &Forward<&sqlite3_io_methods::xUnlock, int>,
    &Forward<&sqlite3_io_methods::xCheckReservedLock, int*>,
    &Forward<&sqlite3_io_methods::xFileControl, int, void*>,
    &Forward<&sqlite3_io_methods::xSectorSize>,
    &Forward<&sqlite3_io_methods::xDeviceCharacteristics>,
    &Forward<&sqlite3_io_methods::xShmMap, int, int, int, void volatile**>,
    &Forward<&sqlite3_io_methods::xShmLock, int, int, int>,
    &ShmBarrier,
    &Forward<&sqlite3_io_methods::xShmUnmap, int>,
    nullptr,
    nullptr,
};

sqlite3_vfs* Real() {
  static sqlite3_vfs* const real = sqlite3_vfs_find("unix");
  return real;
}

int Open(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* out_flags) {
  File* ours = new (file) File{};
  ours->name = name == nullptr ? "" : name;
  const int result = Real()->xOpen(Real(), name, ours->real(), flags, out_flags);
  if (ours->real()->pMethods != nullptr) ours->base.pMethods = &kMethods;
  return result;
}

}  // namespace

FaultyDisk& FaultyDisk::Get() {
  static FaultyDisk disk;
  static sqlite3_vfs vfs = [] {
    sqlite3_vfs made = *Real();
    made.zName = "faulty";
    made.pNext = nullptr;
    made.szOsFile = static_cast<int>(sizeof(File)) + Real()->szOsFile;
    made.xOpen = &Open;
    return made;
  }();
  static const int registered = sqlite3_vfs_register(&vfs, 1);
  (void)registered;
  return disk;
}

void FaultyDisk::Fail(DiskCall call, const std::string& ending, int nth, int times, int code) {
  const std::lock_guard lock(mutex);
  plan = {true, call, ending, nth, times, code};
  failures_ = 0;
}

void FaultyDisk::Heal() {
  const std::lock_guard lock(mutex);
  plan = {};
  calls_.clear();
}

uint64_t FaultyDisk::failures() const {
  const std::lock_guard lock(mutex);
  return failures_;
}

uint64_t FaultyDisk::calls(DiskCall call, const std::string& ending) const {
  const std::lock_guard lock(mutex);
  uint64_t sum = 0;
  for (const auto& [key, count] : calls_)
    if (key.first == call && EndsWith(key.second, ending)) sum += count;
  return sum;
}

int FaultyDisk::Called(DiskCall call, const char* file) {
  const std::lock_guard lock(mutex);
  ++calls_[{call, file}];
  if (!plan.active || plan.call != call || !EndsWith(file, plan.ending)) return SQLITE_OK;
  if (--plan.countdown > 0) return SQLITE_OK;
  if (plan.countdown <= -plan.times) return SQLITE_OK;
  ++failures_;
  return plan.code;
}

}  // namespace tidegate::contract
