// What SQLite alone can do: the tables, columns and indexes of storage-sqlite (its own code makes the file),
// filled and read by the shortest loop there is. No validation, no versions, no conditions; the columns
// of the envelope get values of the size that real ones have.
// Thread safety: one thread. Ownership: owns its connection and statements.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace tidegate::bench {

class BareReplica {
 public:
  // WAL, synchronous=FULL, the page cache and checkpoints of storage-sqlite. The file is made if missing.
  explicit BareReplica(const std::string& path);
  ~BareReplica();
  BareReplica(const BareReplica&) = delete;
  BareReplica& operator=(const BareReplica&) = delete;

  void Begin();
  // Gives the next seq.
  void Insert(std::string_view pk, std::string_view sk, std::string_view body);
  void SetWatermark(uint64_t position);
  void Commit();

  struct Row {
    uint64_t seq;
    std::string_view pk, sk, body;
  };
  // Rows after a seq in its order, at most limit; returns how many.
  template <typename Fn>
  size_t Scan(uint64_t after, size_t limit, Fn&& fn) {
    sqlite3_reset(scan_);
    sqlite3_bind_int64(scan_, 1, static_cast<int64_t>(after));
    sqlite3_bind_int64(scan_, 2, static_cast<int64_t>(limit));
    size_t count = 0;
    while (Step(scan_)) {
      fn(Row{static_cast<uint64_t>(sqlite3_column_int64(scan_, 0)), Text(1), Text(2), Text(3)});
      ++count;
    }
    sqlite3_reset(scan_);
    return count;
  }

  uint64_t head() const { return head_; }

 private:
  bool Step(sqlite3_stmt* statement);
  std::string_view Text(int column) {
    return {static_cast<const char*>(sqlite3_column_blob(scan_, column)),
            static_cast<size_t>(sqlite3_column_bytes(scan_, column))};
  }
  sqlite3_stmt* Prepare(const char* sql);
  void Run(const char* sql);

  sqlite3* db_ = nullptr;
  sqlite3_stmt* begin_ = nullptr;
  sqlite3_stmt* commit_ = nullptr;
  sqlite3_stmt* insert_ = nullptr;
  sqlite3_stmt* watermark_ = nullptr;
  sqlite3_stmt* scan_ = nullptr;
  uint64_t head_ = 0;
};

}  // namespace tidegate::bench
