#include "config.h"

#include <rapidjson/document.h>
#include <rapidjson/error/en.h>
#include <sys/un.h>

#include <initializer_list>

namespace tidegate::mqtt {
namespace {

using Value = rapidjson::Value;

[[noreturn]] void Invalid(const std::string& message) { throw sdk::Error(TG_INVALID, "transport-mqtt: " + message); }

void CheckKeys(const Value& object, const char* where, std::initializer_list<std::string_view> known) {
  for (const auto& member : object.GetObject()) {
    const std::string_view name(member.name.GetString(), member.name.GetStringLength());
    bool found = false;
    for (const std::string_view k : known) found = found || k == name;
    if (!found) Invalid(std::string(where) + " has no key '" + std::string(name) + "'");
  }
}

const Value* Find(const Value& object, const char* key) {
  const auto it = object.FindMember(key);
  return it == object.MemberEnd() ? nullptr : &it->value;
}

void Read(const Value& object, const char* key, std::string& to) {
  const Value* value = Find(object, key);
  if (value == nullptr) return;
  if (!value->IsString()) Invalid(std::string(key) + " must be a text");
  to.assign(value->GetString(), value->GetStringLength());
  if (to.find('\0') != std::string::npos) Invalid(std::string(key) + " contains a NUL character");
}

void Read(const Value& object, const char* key, bool& to) {
  const Value* value = Find(object, key);
  if (value == nullptr) return;
  if (!value->IsBool()) Invalid(std::string(key) + " must be true or false");
  to = value->GetBool();
}

template <typename T>
void Read(const Value& object, const char* key, T& to, uint64_t min, uint64_t max) {
  const Value* value = Find(object, key);
  if (value == nullptr) return;
  if (!value->IsUint64() || value->GetUint64() < min || value->GetUint64() > max) {
    Invalid(std::string(key) + " must be a whole number from " + std::to_string(min) + " to " + std::to_string(max));
  }
  to = static_cast<T>(value->GetUint64());
}

void ReadTls(const Value& root, TlsConfig& tls) {
  const Value* value = Find(root, "tls");
  if (value == nullptr) return;
  if (!value->IsObject()) Invalid("tls must be a mapping, such as {ca: /etc/tidegate/ca.crt}");
  CheckKeys(*value, "tls", {"ca", "cert", "key", "server_name", "insecure"});
  tls.enabled = true;
  Read(*value, "ca", tls.ca);
  Read(*value, "cert", tls.cert);
  Read(*value, "key", tls.key);
  Read(*value, "server_name", tls.server_name);
  Read(*value, "insecure", tls.insecure);
  if (tls.cert.empty() != tls.key.empty()) {
    Invalid("tls.cert and tls.key belong together: give both for mutual TLS, or neither");
  }
}

void CheckPrefix(const std::string& prefix) {
  if (prefix.empty() || prefix.size() > 200) Invalid("prefix must have 1 to 200 bytes");
  if (prefix.find_first_of("+#") != std::string::npos) {
    Invalid("prefix '" + prefix + "' contains a wildcard (+ or #): every node of a tree needs one fixed prefix");
  }
  if (prefix.front() == '/' || prefix.back() == '/') {
    Invalid("prefix '" + prefix + "' begins or ends with a slash: remove it");
  }
  if (prefix.front() == '$') Invalid("prefix '" + prefix + "' begins with $, which belongs to the broker");
  for (const char c : prefix) {
    if (static_cast<unsigned char>(c) < 0x20) Invalid("prefix contains a control character");
  }
}

}  // namespace

std::string Config::Address() const { return unix_socket() ? host : host + ":" + std::to_string(port); }

Config ParseConfig(std::string_view json) {
  rapidjson::Document root;
  root.Parse(json.data(), json.size());
  if (root.HasParseError()) {
    Invalid(std::string("the configuration is not JSON: ") + rapidjson::GetParseError_En(root.GetParseError()));
  }
  if (!root.IsObject()) Invalid("the configuration must be a mapping");
  CheckKeys(root, "the configuration",
            {"host", "port", "prefix", "side", "username", "password_file", "protocol", "qos", "keepalive_s", "tls",
             "broker_acl", "frame_bytes_max", "queue_bytes_max", "children_max"});
  Config config;
  Read(root, "host", config.host);
  Read(root, "port", config.port, 1, 65535);
  Read(root, "prefix", config.prefix);
  Read(root, "username", config.username);
  Read(root, "password_file", config.password_file);
  Read(root, "qos", config.qos, 0, 1);
  Read(root, "keepalive_s", config.keepalive_s, 5, 3600);
  Read(root, "broker_acl", config.broker_acl);
  Read(root, "frame_bytes_max", config.frame_bytes_max, 4096, 128u << 20);
  Read(root, "queue_bytes_max", config.queue_bytes_max, 4096, 1u << 30);
  Read(root, "children_max", config.children_max, 1, 1u << 20);
  ReadTls(root, config.tls);

  std::string side;
  Read(root, "side", side);
  if (side != "parent" && side != "child") {
    Invalid("side must be 'parent' (the peer is our parent) or 'child' (we serve children), not '" + side + "'");
  }
  config.side = side == "parent" ? Side::kParent : Side::kChild;
  std::string protocol = "5";
  Read(root, "protocol", protocol);
  if (protocol != "5" && protocol != "3.1.1") Invalid("protocol must be \"5\" or \"3.1.1\", not '" + protocol + "'");
  config.protocol_5 = protocol == "5";

  if (config.host.empty()) Invalid("host is empty");
  if (config.unix_socket() && config.host.size() >= sizeof(sockaddr_un::sun_path)) {
    Invalid("host '" + config.host + "' is too long for a Unix socket: at most 107 bytes");
  }
  if (config.unix_socket() && config.tls.enabled) Invalid("tls over a Unix socket is not possible: remove tls");
  if (config.port == 0) config.port = config.tls.enabled ? 8883 : 1883;
  CheckPrefix(config.prefix);
  if (!config.password_file.empty() && config.username.empty()) Invalid("password_file needs a username");
  if (config.queue_bytes_max < config.frame_bytes_max) {
    Invalid("queue_bytes_max (" + std::to_string(config.queue_bytes_max) + ") is below frame_bytes_max (" +
            std::to_string(config.frame_bytes_max) + "): no frame of full size would ever fit");
  }
  return config;
}

}  // namespace tidegate::mqtt
