// Reserve: space on the disk that is kept back for the day when there is none, as a file beside the replica. A log
// cannot even take a removal on a full disk, so without it nothing could ever make room.
// Thread safety: the writer's thread. Ownership: the file stays when the daemon stops.
#pragma once

#include <cstdint>
#include <string>

namespace tidegate::sqlite {

class Reserve {
 public:
  // bytes: as the configuration says; kAuto = a sixteenth of the file system, from 256 KiB to 16 MiB.
  static constexpr uint64_t kAuto = UINT64_MAX;
  // replica_path is absolute.
  Reserve(const std::string& replica_path, uint64_t bytes);

  uint64_t bytes() const { return bytes_; }
  bool wanted() const { return bytes_ != 0; }
  bool held() const { return held_; }

  // What the file system has free for us.
  uint64_t Free() const;

  // Takes the space; false if there is too little.
  bool Take();
  // Gives it to whoever needs it now.
  void Release();

 private:
  std::string path_;
  std::string directory_;
  uint64_t bytes_ = 0;
  bool held_ = false;
};

}  // namespace tidegate::sqlite
