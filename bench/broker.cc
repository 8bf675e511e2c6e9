#include "bench/broker.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <vector>

#include "bench/clock.h"
#include "bench/die.h"

namespace tidegate::bench {
namespace {

bool Listens(uint16_t port) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  bool connected = connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  close(fd);
  return connected;
}

// A certificate for localhost that signs itself.
void MakeCertificate(const std::string& folder) {
  std::string command =
      "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost "
      "-addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout '" +
      folder + "/key.pem' -out '" + folder + "/ca.pem' >'" + folder + "/openssl.log' 2>&1";
  if (std::system(command.c_str()) != 0) Die("openssl could not make a certificate; see " + folder + "/openssl.log");
}

std::vector<std::string> Start(const Scratch& scratch, const std::string& name, bool tls, uint16_t port) {
  std::string folder = scratch.Folder(name);
  // The limits of config/broker/mosquitto.conf that matter to speed.
  std::string text = "listener " + std::to_string(port) +
                     " 127.0.0.1\nallow_anonymous true\npersistence false\nset_tcp_nodelay true\nuser root\n"
                     "max_queued_messages 100000\n";
  if (tls) {
    MakeCertificate(folder);
    text += "certfile " + folder + "/ca.pem\nkeyfile " + folder + "/key.pem\n";
  }
  WriteFile(folder + "/mosquitto.conf", text);
  return {"/usr/sbin/mosquitto", "-c", folder + "/mosquitto.conf"};
}

}  // namespace

Broker::Broker(const Scratch& scratch, const std::string& name, bool tls) : Broker(scratch, name, tls, FreePort()) {}

Broker::Broker(const Scratch& scratch, const std::string& name, bool tls, uint16_t port)
    : port_(port),
      ca_(tls ? scratch.File(name) + "/ca.pem" : ""),
      process_(Start(scratch, name, tls, port), scratch.File(name + ".log")) {
  TimePoint start = Now();
  while (!Listens(port_)) {
    if (!process_.running() || SecondsSince(start) > 10) {
      Die("mosquitto does not start:\n" + ReadFile(scratch.File(name + ".log")));
    }
    usleep(5000);
  }
}

}  // namespace tidegate::bench
