// ChangeArena: deep copies of changes that must outlive the view they came in. Memory is taken in
// blocks and kept for the next use, since every commit needs about as much as the one before.
// Thread safety: one thread at a time. Ownership: owns every text it copied, as long as it lives.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>
#include <vector>

#include "tidegate/change.h"

namespace tidegate::core {

class ChangeArena {
 public:
  std::string_view Copy(std::string_view text);
  tg_str Copy(tg_str text);
  tg_bytes Copy(tg_bytes bytes);
  tg_change Copy(const tg_change& change);
  // A change at an address of its own; its texts are not copied.
  tg_change* New(const tg_change& change);
  // Room for index keys whose texts the caller has copied.
  tg_index_key* IndexKeys(size_t count);
  // Keeps something alive that views point into.
  void Hold(std::shared_ptr<const void> keep) {
    if (keep != nullptr) held_.push_back(std::move(keep));
  }
  void Swap(ChangeArena& other);
  // Everything copied is gone; up to 1 MiB of memory stays for what comes.
  void Clear();

 private:
  static constexpr size_t kBlockBytes = 64u << 10;
  static constexpr size_t kBlocksKept = 16;

  void* Allocate(size_t bytes, size_t alignment);

  std::vector<std::unique_ptr<std::byte[]>> blocks_;  // of kBlockBytes; those before current_ are full
  std::vector<std::unique_ptr<std::byte[]>> large_;   // texts that want a block of their own
  size_t current_ = 0;
  size_t used_ = 0;  // of the current block
  std::vector<std::shared_ptr<const void>> held_;
};

}  // namespace tidegate::core
