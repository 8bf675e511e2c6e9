// What a frame is, seen without making its messages: the check that stands before every allocation.
// Thread safety: pure functions. Ownership: none.
#pragma once

#include <cstdint>
#include <string_view>

#include "host/base/status.h"

namespace tidegate::wire {

struct FrameOutline {
  uint32_t type = 0;
  bool has_body = false;
  uint64_t elements = 0;  // fields of the body that may cost an allocation; a change list counts as one
};

// kInvalid: not a Frame message, no type, no body of that type (known types only), too many elements.
// kUnsupported: the type is unknown; it is in outline->type.
Status ReadOutline(std::string_view message, uint64_t elements_max, FrameOutline* outline);

}  // namespace tidegate::wire
