// The TLS side of one connection. The library could build its own SSL_CTX, but then the name to check
// is tied to the address that is dialled, and the reason of a refusal is lost; here both are kept.
// Thread safety: one thread. Ownership: the context must outlive the connection made with it.
#pragma once

#include <openssl/ssl.h>

#include <string>

#include "config.h"

namespace tidegate::mqtt {

class TlsContext {
 public:
  // Reads the certificate files. Throws sdk::Error naming the file that is wrong.
  // config must outlive the context.
  explicit TlsContext(const Config& config);
  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  SSL_CTX* get() const { return context_; }

  // Why the handshake failed, in words; empty if TLS saw no problem.
  const std::string& problem() const { return problem_; }

 private:
  static int OnVerify(int ok, X509_STORE_CTX* store);
  static void OnInfo(const SSL* ssl, int where, int value);

  const Config& config_;
  SSL_CTX* context_ = nullptr;
  std::string name_;      // what the broker's certificate must carry
  bool name_is_address_;  // an IP address: no SNI then
  std::string problem_;
};

}  // namespace tidegate::mqtt
