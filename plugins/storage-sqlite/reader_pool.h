// Reading beside the writer: a few connections, opened when they are needed.
// Thread safety: Acquire from any thread. Ownership: a lease gives its connection back when it goes.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <vector>

#include "config.h"
#include "row.h"
#include "sql.h"

namespace tidegate::sqlite {

struct Reader {
  explicit Reader(Connection opened) : connection(std::move(opened)) {}
  Connection connection;
  RowReader row;
};

class ReaderPool {
 public:
  explicit ReaderPool(const Config& config) : config_(config) {}

  class Lease {
   public:
    Lease(ReaderPool& pool, std::unique_ptr<Reader> reader) : pool_(pool), reader_(std::move(reader)) {}
    ~Lease();
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    Connection& connection() { return reader_->connection; }
    RowReader& row() { return reader_->row; }

   private:
    ReaderPool& pool_;
    std::unique_ptr<Reader> reader_;
  };

  // Waits while all are in use; throws TG_UNAVAILABLE after a few seconds, so that a sink that reads
  // again from inside a read cannot hang for ever.
  Lease Acquire();

 private:
  const Config config_;
  std::mutex mutex_;
  std::condition_variable freed_;
  std::vector<std::unique_ptr<Reader>> free_;
  uint64_t opened_ = 0;
};

}  // namespace tidegate::sqlite
