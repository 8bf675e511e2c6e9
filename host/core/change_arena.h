// ChangeArena: deep copies of changes that must outlive the view they came in.
// Thread safety: one thread at a time. Ownership: owns every text it copied, as long as it lives.
#pragma once

#include <memory>
#include <memory_resource>
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
  // Room for index keys whose texts the caller has copied.
  tg_index_key* IndexKeys(size_t count);
  // Keeps something alive that views point into.
  void Hold(std::shared_ptr<const void> keep) { held_.push_back(std::move(keep)); }
  void Swap(ChangeArena& other);

 private:
  std::unique_ptr<std::pmr::monotonic_buffer_resource> memory_ =
      std::make_unique<std::pmr::monotonic_buffer_resource>(4096);
  std::vector<std::shared_ptr<const void>> held_;
};

}  // namespace tidegate::core
