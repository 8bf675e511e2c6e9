#include "host/wire/compress.h"

#include <zstd.h>

#include <algorithm>
#include <memory>

namespace tidegate::wire {
namespace {

constexpr int kLevel = 1;
// A frame that does not say its size is read through a window; one larger than this is refused.
constexpr int kWindowLogMax = 23;
// A thread keeps buffers up to this size between frames.
constexpr size_t kKeepBytes = 1 << 20;

// Memory that grows, is never cleared, and is given back when it was large.
class Scratch {
 public:
  char* Reserve(size_t size) {
    if (size > size_ || size_ > std::max(size, kKeepBytes)) {
      data_ = std::make_unique_for_overwrite<char[]>(size);
      size_ = size;
    }
    return data_.get();
  }

 private:
  std::unique_ptr<char[]> data_;
  size_t size_ = 0;
};

struct FreeContext {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

// A context costs far more to make than to use for one small frame.
struct Compressor {
  std::unique_ptr<ZSTD_CCtx, FreeContext> context{ZSTD_createCCtx()};
  Scratch scratch;
  Compressor() {
    if (context) ZSTD_CCtx_setParameter(context.get(), ZSTD_c_compressionLevel, kLevel);
  }
};
struct Decompressor {
  std::unique_ptr<ZSTD_DCtx, FreeContext> context{ZSTD_createDCtx()};
  Scratch scratch;
  Decompressor() {
    if (context) ZSTD_DCtx_setParameter(context.get(), ZSTD_d_windowLogMax, kWindowLogMax);
  }
};

Status TooLarge(uint64_t plain_bytes_max) {
  return Status::Invalid("frame: more than " + std::to_string(plain_bytes_max) + " bytes when expanded");
}
Status Damaged(size_t zstd_code) {
  return Status::Invalid(std::string("frame: not valid zstd: ") + ZSTD_getErrorName(zstd_code));
}

// The size is not known before: the buffer doubles up to the limit.
Result<std::string_view> UnwrapUnsized(Decompressor* d, std::string_view bytes, uint64_t plain_bytes_max) {
  ZSTD_DCtx_reset(d->context.get(), ZSTD_reset_session_only);
  std::string plain;
  ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
  size_t used = 0;
  for (size_t left = 1; left != 0;) {
    if (used == plain.size()) {
      if (used > plain_bytes_max) return TooLarge(plain_bytes_max);
      // One byte above the limit tells a frame that is too large from one that just fits.
      plain.resize(std::min<uint64_t>(std::max<size_t>(used * 2, 4096), plain_bytes_max + 1));
    }
    ZSTD_outBuffer out{plain.data() + used, plain.size() - used, 0};
    size_t in_before = in.pos;
    left = ZSTD_decompressStream(d->context.get(), &out, &in);
    if (ZSTD_isError(left) != 0) return Damaged(left);
    used += out.pos;
    if (left != 0 && out.pos == 0 && in.pos == in_before) return Status::Invalid("frame: zstd data is cut off");
  }
  if (in.pos != in.size) return Status::Invalid("frame: bytes after the zstd data");
  if (used > plain_bytes_max) return TooLarge(plain_bytes_max);
  char* to = d->scratch.Reserve(used);
  std::copy_n(plain.data(), used, to);
  return std::string_view(to, used);
}

Result<std::string_view> UnwrapZstd(std::string_view bytes, uint64_t plain_bytes_max) {
  thread_local Decompressor d;
  if (!d.context) return Status::Unavailable("frame: no memory for zstd");
  unsigned long long size = ZSTD_getFrameContentSize(bytes.data(), bytes.size());
  if (size == ZSTD_CONTENTSIZE_ERROR) return Status::Invalid("frame: not valid zstd: no header");
  if (size == ZSTD_CONTENTSIZE_UNKNOWN) return UnwrapUnsized(&d, bytes, plain_bytes_max);
  if (size > plain_bytes_max) return TooLarge(plain_bytes_max);
  char* to = d.scratch.Reserve(size);
  size_t got = ZSTD_decompressDCtx(d.context.get(), to, size, bytes.data(), bytes.size());
  if (ZSTD_isError(got) != 0) return Damaged(got);
  if (got != size) return Status::Invalid("frame: zstd data is shorter than it says");
  return std::string_view(to, got);
}

}  // namespace

std::string Wrap(std::string_view message) {
  if (message.size() >= kCompressFrom) {
    thread_local Compressor c;
    size_t bound = ZSTD_compressBound(message.size());
    char* to = c.scratch.Reserve(bound + 1);
    size_t size = c.context ? ZSTD_compress2(c.context.get(), to + 1, bound, message.data(), message.size()) : bound;
    if (ZSTD_isError(size) == 0 && size < message.size()) {
      to[0] = kFormZstd;
      return {to, size + 1};
    }
  }
  std::string bytes;
  bytes.reserve(message.size() + 1);
  bytes.push_back(kFormPlain);
  bytes.append(message);
  return bytes;
}

Result<std::string_view> Unwrap(std::string_view bytes, uint64_t plain_bytes_max) {
  if (bytes.empty()) return Status::Invalid("frame: empty");
  std::string_view inner = bytes.substr(1);
  if (bytes[0] == kFormZstd) return UnwrapZstd(inner, plain_bytes_max);
  if (bytes[0] != kFormPlain) {
    return Status::Invalid("frame: form " + std::to_string(static_cast<uint8_t>(bytes[0])) + " is neither 1 nor 2");
  }
  if (inner.size() > plain_bytes_max) return TooLarge(plain_bytes_max);
  return inner;
}

}  // namespace tidegate::wire
