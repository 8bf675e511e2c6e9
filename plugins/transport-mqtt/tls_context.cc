#include "tls_context.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "connection_errors.h"

namespace tidegate::mqtt {
namespace {

std::string OpensslReason() {
  const unsigned long code = ERR_peek_last_error();
  ERR_clear_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  return reason == nullptr ? "unreadable" : reason;
}

[[noreturn]] void Fail(const std::string& what, const std::string& file) {
  throw sdk::Error(TG_UNAVAILABLE, what + " '" + file + "' cannot be used: " + OpensslReason() +
                                       "; check that the file exists, is PEM, and is readable by the daemon's user");
}

bool IsAddress(const std::string& text) {
  unsigned char buffer[16];
  return inet_pton(AF_INET, text.c_str(), buffer) == 1 || inet_pton(AF_INET6, text.c_str(), buffer) == 1;
}

// What an operator can do about it.
const char* Advice(int error) {
  switch (error) {
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return "; is this machine's clock right? It is tried again until it is";
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return "; renew it, or check this machine's clock";
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return "; set tls.server_name to the name in the certificate";
    default:
      return "; check that tls.ca is the authority that issued it";
  }
}

}  // namespace

TlsContext::TlsContext(const Config& config)
    : config_(config),
      name_(config.tls.server_name.empty() ? config.host : config.tls.server_name),
      name_is_address_(IsAddress(name_)) {
  ERR_clear_error();
  context_ = SSL_CTX_new(TLS_client_method());
  if (context_ == nullptr) throw sdk::Error(TG_INTERNAL, "OpenSSL makes no context: " + OpensslReason());
  try {
    SSL_CTX_set_app_data(context_, this);
    SSL_CTX_set_min_proto_version(context_, TLS1_2_VERSION);
    // The library hands the same packet again after a short write, from another address at times.
    SSL_CTX_set_mode(context_,
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_info_callback(context_, &TlsContext::OnInfo);
    const TlsConfig& tls = config.tls;
    if (tls.ca.empty()) {
      SSL_CTX_set_default_verify_paths(context_);
    } else if (SSL_CTX_load_verify_locations(context_, tls.ca.c_str(), nullptr) != 1) {
      Fail("tls.ca", tls.ca);
    }
    if (!tls.cert.empty()) {
      if (SSL_CTX_use_certificate_chain_file(context_, tls.cert.c_str()) != 1) Fail("tls.cert", tls.cert);
      if (SSL_CTX_use_PrivateKey_file(context_, tls.key.c_str(), SSL_FILETYPE_PEM) != 1) Fail("tls.key", tls.key);
      if (SSL_CTX_check_private_key(context_) != 1) Fail("tls.key (with tls.cert)", tls.key);
    }
    SSL_CTX_set_verify(context_, tls.insecure ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, &TlsContext::OnVerify);
    X509_VERIFY_PARAM* param = SSL_CTX_get0_param(context_);
    const int named = name_is_address_ ? X509_VERIFY_PARAM_set1_ip_asc(param, name_.c_str())
                                       : X509_VERIFY_PARAM_set1_host(param, name_.c_str(), name_.size());
    if (named != 1) throw sdk::Error(TG_INVALID, "tls.server_name '" + name_ + "' is neither a name nor an address");
  } catch (...) {
    SSL_CTX_free(context_);
    throw;
  }
}

TlsContext::~TlsContext() { SSL_CTX_free(context_); }

int TlsContext::OnVerify(int ok, X509_STORE_CTX* store) {
  const auto* ssl = static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  auto* self = static_cast<TlsContext*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
  // SSL_VERIFY_NONE still calls here; what it says does not matter then.
  if (ok == 0 && SSL_get_verify_mode(ssl) != SSL_VERIFY_NONE) {
    const int error = X509_STORE_CTX_get_error(store);
    self->problem_ = "the broker's certificate is refused (" + self->name_ +
                     "): " + X509_verify_cert_error_string(error) + Advice(error);
  }
  return ok;
}

void TlsContext::OnInfo(const SSL* ssl, int where, int value) {
  auto* self = static_cast<TlsContext*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
  if (where == SSL_CB_HANDSHAKE_START && !SSL_is_init_finished(ssl)) {
    // The library has put the dialled address here; the certificate is for a name.
    SSL_set_tlsext_host_name(const_cast<SSL*>(ssl), self->name_is_address_ ? nullptr : self->name_.data());
  } else if (where == SSL_CB_READ_ALERT && self->problem_.empty()) {
    if ((value & 0xff) == SSL_AD_CLOSE_NOTIFY) return;
    self->problem_ = DescribeTlsEnd(self->config_, SSL_alert_desc_string_long(value));
  }
}

}  // namespace tidegate::mqtt
