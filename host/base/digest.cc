#include "host/base/digest.h"

#include <openssl/evp.h>

#include <charconv>
#include <cstdio>
#include <memory>
#include <string>

namespace tidegate {
namespace {

// One context a thread: fetching the algorithm costs more than hashing a change.
class Sha256 {
 public:
  Sha256() : md_(EVP_MD_fetch(nullptr, "SHA256", nullptr), EVP_MD_free), ctx_(EVP_MD_CTX_new(), EVP_MD_CTX_free) {}

  uint64_t Prefix(std::string_view bytes) {
    unsigned char out[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    EVP_DigestInit_ex2(ctx_.get(), md_.get(), nullptr);
    EVP_DigestUpdate(ctx_.get(), bytes.data(), bytes.size());
    EVP_DigestFinal_ex(ctx_.get(), out, &size);
    uint64_t value = 0;
    for (int i = 0; i < 8; ++i) value = value << 8 | out[i];
    return value;
  }

 private:
  std::unique_ptr<EVP_MD, void (*)(EVP_MD*)> md_;
  std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> ctx_;
};

void Append(std::string& line, tg_str text) {
  if (text.size != 0) line.append(text.data, text.size);
  line += '\x1f';
}

void AppendHex16(std::string& line, uint64_t number) {
  static const char kDigits[] = "0123456789abcdef";
  for (int shift = 60; shift >= 0; shift -= 4) line += kDigits[number >> shift & 15];
}

}  // namespace

uint64_t Sha256Prefix(std::string_view bytes) {
  thread_local Sha256 sha256;
  return sha256.Prefix(bytes);
}

uint64_t ChangeDigest(const tg_change& change) {
  thread_local std::string line;
  line.clear();
  Append(line, change.model);
  char owner[24];
  auto [end, error] = std::to_chars(owner, owner + sizeof owner, change.key.owner);
  line.append(owner, static_cast<size_t>(end - owner));
  line += '\x1f';
  Append(line, change.key.pk);
  Append(line, change.key.sk);
  line += static_cast<char>('0' + change.kind);
  line += '\x1f';
  AppendHex16(line, change.version.hlc);
  line += '-';
  AppendHex16(line, change.version.agent);
  line += '-';
  AppendHex16(line, change.version.epoch);
  line += '\x1f';
  if (change.policy_meta.size != 0)
    line.append(reinterpret_cast<const char*>(change.policy_meta.data), change.policy_meta.size);
  return Sha256Prefix(line);
}

}  // namespace tidegate
