// Text for people, such as the reason of a denial, handed to the host during a call.
// Thread safety: during the call that carries the sink. Ownership: refers to the host's sink.
#pragma once

#include <string>
#include <string_view>

#include "tidegate/cpp/views.h"

namespace tidegate::sdk {

// The sink may be null in the table.
class TextSink {
 public:
  explicit TextSink(const tg_text_sink* sink) : sink_(sink) {}
  void operator()(std::string_view text) const {
    if (sink_ != nullptr) sink_->text(sink_->ctx, Str(text));
  }
  // A warning of a policy's Reload about the place at a JSON pointer into schemas_json.
  void At(std::string_view pointer, std::string_view text) const {
    (*this)(std::string(pointer) + "\n" + std::string(text));
  }

 private:
  const tg_text_sink* sink_;
};

}  // namespace tidegate::sdk
