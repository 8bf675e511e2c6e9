#include "config.h"

#include "sql.h"

namespace tidegate::sqlite {
namespace {

[[noreturn]] void Refuse(const std::string& what) { throw sdk::Error(TG_INVALID, what); }

// SQLite reads JSON itself; a database in memory does no I/O.
class Json {
 public:
  explicit Json(std::string_view text) : db_(":memory:", SQLITE_OPEN_READWRITE), text_(text) {
    Statement valid(db_.db(), "SELECT json_valid(?1)");
    valid.BindText(1, text_);
    if (!valid.Step() || valid.Number(0) != 1) Refuse("the configuration is no JSON");
  }

  std::string Text(const char* name) {
    Statement member = Member(name);
    if (member.Bytes(0) == "") return "";
    if (member.Bytes(0) != "text") Refuse(std::string(name) + ": must be a text");
    return std::string(member.Bytes(1));
  }

  uint64_t Number(const char* name, uint64_t fallback, uint64_t least, uint64_t most) {
    Statement member = Member(name);
    if (member.Bytes(0) == "") return fallback;
    if (member.Bytes(0) != "integer" || member.Number(1) < least || member.Number(1) > most)
      Refuse(std::string(name) + ": must be a whole number from " + std::to_string(least) + " to " +
             std::to_string(most));
    return member.Number(1);
  }

 private:
  Statement Member(const char* name) {
    Statement member(db_.db(), "SELECT coalesce(json_type(?1, ?2), ''), json_extract(?1, ?2)");
    const std::string path = std::string("$.") + name;
    member.BindText(1, text_).BindText(2, path);
    (void)member.Step();
    return member;
  }

  Connection db_;
  std::string_view text_;
};

}  // namespace

Config Config::Parse(std::string_view text) {
  Json json(text);
  Config config;
  config.path = json.Text("path");
  if (config.path.empty()) Refuse("path: missing; give the absolute path of the replica's file");
  if (config.path[0] != '/') Refuse("path: " + config.path + ": must be an absolute path");
  if (config.path.back() == '/') Refuse("path: " + config.path + ": is a directory; give the path of a file");
  config.cache_kib = json.Number("cache_kib", config.cache_kib, 256, 1 << 20);
  config.readers = json.Number("readers", config.readers, 1, 64);
  config.bytes_max = json.Number("bytes_max", 0, 0, INT64_MAX);
  config.reserve_bytes = json.Number("reserve_bytes", UINT64_MAX, 0, uint64_t{1} << 40);
  const std::string synchronous = json.Text("synchronous");
  if (synchronous != "" && synchronous != "full" && synchronous != "normal")
    Refuse("synchronous: " + synchronous + ": must be full or normal");
  config.synchronous_full = synchronous != "normal";
  return config;
}

}  // namespace tidegate::sqlite
