// Writes by the line (application/x-ndjson): each line is an independent item. Lines are handed to the
// node as they are, in chunks, the next one while the last is being committed; nothing is parsed here.
#include <cstring>
#include <deque>

#include "host/api/answer.h"
#include "host/api/handlers.h"
#include "host/api/http_error.h"
#include "host/api/json_text.h"

namespace tidegate::api {
namespace {

using Answers = std::vector<replica::WriteAnswer>;

class LineWriter {
 public:
  LineWriter(Call& call, replica::Write pattern, bool return_items)
      : call_(call), pattern_(std::move(pattern)), return_items_(return_items) {}

  void Line(std::string_view line) {
    line_++;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.find_first_not_of(" \t") == std::string_view::npos) return;
    if (chunk_.capacity() == 0) {
      chunk_.reserve(call_.context.options.chunk_items);
      lines_.reserve(call_.context.options.chunk_items);
    }
    replica::Write& write = chunk_.emplace_back(1).front();
    write.mode = pattern_.mode;
    write.model = pattern_.model;
    write.owner = pattern_.owner;
    write.to = pattern_.to;
    write.properties.assign(line);
    write.answer_item = return_items_;  // to show an item costs half as much as to make it
    lines_.push_back(line_);
    chunk_bytes_ += line.size();
    const ApiOptions& options = call_.context.options;
    if (chunk_.size() >= options.chunk_items || chunk_bytes_ >= options.chunk_bytes) Flush();
  }

  void Finish() {
    Flush();
    while (!flying_.empty()) Land();
  }

  // An error that ends the request: what was written before stays.
  void Fail(const Status& status) {
    Finish();
    Failed(line_ + 1, status);
  }

  void SendAnswer() {
    ObjectWriter answer;
    answer.Unsigned("written", written_).Unsigned("failed_count", failed_count_).Raw("failed", failed_.Take());
    if (return_items_) answer.Raw("items", items_.Take());
    call_.exchange.SendJson(failed_count_ == 0 ? 200 : 207, answer.Take());
  }

 private:
  struct Flight {
    Answer<Answers> answer;
    std::vector<uint64_t> lines;
  };

  void Flush() {
    if (chunk_.empty()) return;
    if (flying_.size() >= 2) Land();
    Flight& flight = flying_.emplace_back();
    flight.lines = std::move(lines_);
    call_.context.node.SubmitMany(std::move(chunk_), flight.answer.Callback());
    chunk_ = {};
    lines_ = {};
    chunk_bytes_ = 0;
  }

  void Land() {
    Answers answers = flying_.front().answer.Wait();
    const std::vector<uint64_t>& lines = flying_.front().lines;
    for (size_t i = 0; i < lines.size(); i++) {
      if (i >= answers.size()) {
        Failed(lines[i], Status::Internal("the node did not answer this write"));
      } else if (!answers[i].status.ok()) {
        Failed(lines[i], answers[i].status);
      } else {
        written_++;
        if (return_items_ && !answers[i].written.empty()) items_.Raw(answers[i].written[0].item);
      }
    }
    flying_.pop_front();
  }

  void Failed(uint64_t line, const Status& status) {
    if (failed_count_++ >= call_.context.options.failed_lines_max) return;
    failed_.Raw(ObjectWriter().Unsigned("line", line).Raw("error", ErrorToJson(status)).Take());
  }

  Call& call_;
  replica::Write pattern_;
  bool return_items_;
  uint64_t line_ = 0;
  std::vector<replica::Transaction> chunk_;
  std::vector<uint64_t> lines_;
  uint64_t chunk_bytes_ = 0;
  std::deque<Flight> flying_;
  uint64_t written_ = 0;
  uint64_t failed_count_ = 0;
  ArrayWriter failed_;
  ArrayWriter items_;
};

}  // namespace

Status PostLines(Call& call, replica::Write pattern, bool return_items) {
  pattern.answer_item = return_items;
  constexpr size_t kPart = 64u << 10;
  LineWriter writer(call, std::move(pattern), return_items);
  std::string buffer;
  size_t begin = 0;  // of the first line that is not handed on
  while (true) {
    if (begin > 0) buffer.erase(0, begin);
    begin = 0;
    size_t held = buffer.size();
    buffer.resize(held + kPart);
    Result<size_t> got = call.exchange.ReadSome(buffer.data() + held, kPart);
    if (!got.ok()) {
      writer.Fail(got.status());
      writer.SendAnswer();
      return Status::Ok();
    }
    buffer.resize(held + *got);
    if (*got == 0) break;
    size_t search = held;
    while (const void* end = std::memchr(buffer.data() + search, '\n', buffer.size() - search)) {
      size_t at = static_cast<size_t>(static_cast<const char*>(end) - buffer.data());
      writer.Line(std::string_view(buffer).substr(begin, at - begin));
      begin = search = at + 1;
    }
  }
  if (!buffer.empty()) writer.Line(buffer);
  writer.Finish();
  writer.SendAnswer();
  return Status::Ok();
}

}  // namespace tidegate::api
