#include "host/api/server.h"

#include <Poco/Net/HTTPServerParams.h>
#include <Poco/Net/HTTPServerSession.h>
#include <Poco/Net/StreamSocket.h>
#include <Poco/Net/StreamSocketImpl.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "host/api/connection.h"
#include "host/api/http_error.h"
#include "host/api/json_text.h"

namespace tidegate::api {
namespace {

std::string BusyAnswer() {
  std::string body =
      ObjectWriter()
          .Raw("error", ErrorToJson(Status::Unavailable("too many connections at once; close some, or come back")))
          .Take() +
      "\n";
  return "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nConnection: close\r\n"
         "Retry-After: 1\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\n\r\n" + body;
}

}  // namespace

Result<std::unique_ptr<ApiServer>> ApiServer::Start(const ApiOptions& options, node::NodeService& node,
                                                    core::Log& log) {
  TG_ASSIGN_OR_RETURN(Listener listener, Listener::Open(options.socket, options.mode));
  int wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (wake_fd < 0) return Status::Io(std::string("api: cannot make an eventfd: ") + std::strerror(errno));
  std::unique_ptr<ApiServer> server(new ApiServer(options, node, log, std::move(listener), wake_fd));
  server->accept_thread_ = std::thread([raw = server.get()] { raw->AcceptLoop(); });
  return server;
}

void ApiServer::AcceptLoop() {
  while (!stopping_) {
    pollfd ready[2] = {{listener_.fd(), POLLIN, 0}, {wake_fd_, POLLIN, 0}};
    if (poll(ready, 2, -1) < 0 && errno != EINTR) {
      log_.Write(TG_LOG_ERROR, std::string("api: poll: ") + std::strerror(errno));
      return;
    }
    // Unread, it would wake this thread for ever.
    uint64_t wakes = 0;
    if ((ready[1].revents & POLLIN) != 0 && read(wake_fd_, &wakes, sizeof(wakes)) < 0) continue;
    Reap();
    if (stopping_ || (ready[0].revents & POLLIN) == 0) continue;
    int fd = accept4(listener_.fd(), nullptr, nullptr, SOCK_CLOEXEC);
    if (fd >= 0) {
      Admit(fd);
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
      log_.Write(TG_LOG_WARNING, std::string("api: cannot accept a client: ") + std::strerror(errno));
      poll(&ready[1], 1, 100);  // the client stays in the queue; come back to it
    }
  }
}

void ApiServer::Admit(int fd) {
  MutexLock lock(mutex_);
  if (connections_.size() >= options_.connections_max) {
    // The client has hardly sent anything yet and the socket's buffer is empty: this does not block.
    std::string busy = BusyAnswer();
    send(fd, busy.data(), busy.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    close(fd);
    return;
  }
  Connection& connection = connections_.emplace_back();
  connection.fd = fd;
  try {
    connection.thread = std::thread([this, fd, at = &connection] { Run(fd, at); });
  } catch (const std::exception& error) {
    log_.Write(TG_LOG_WARNING, std::string("api: cannot make a thread for a client: ") + error.what());
    connections_.pop_back();
    close(fd);
  }
}

void ApiServer::Reap() {
  std::list<Connection> done;
  {
    MutexLock lock(mutex_);
    for (auto at = connections_.begin(); at != connections_.end();) {
      auto next = std::next(at);
      if (at->done) done.splice(done.end(), connections_, at);
      at = next;
    }
  }
  for (Connection& connection : done) connection.thread.join();
}

void ApiServer::Run(int fd, Connection* connection) {
  // A client that goes away is an error of send, not a signal.
  sigset_t pipe;
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
  {
    Poco::Net::HTTPServerParams::Ptr params = new Poco::Net::HTTPServerParams;
    params->setKeepAliveTimeout(Poco::Timespan(options_.idle_ms_max * 1000));
    params->setTimeout(Poco::Timespan(options_.receive_ms_max * 1000));
    Poco::Net::HTTPServerSession session(Poco::Net::StreamSocket(new Poco::Net::StreamSocketImpl(fd)), params);
    session.socket().setSendTimeout(Poco::Timespan(options_.send_ms_max * 1000));
    session.socket().setReceiveTimeout(Poco::Timespan(options_.receive_ms_max * 1000));
    Context context{node_, log_, options_, streams_, stopping_};
    Serve(session, *params, context);
    MutexLock lock(mutex_);
    connection->fd = -1;  // the session closes it now
  }
  MutexLock lock(mutex_);
  connection->done = true;
  uint64_t one = 1;
  [[maybe_unused]] ssize_t written = write(wake_fd_, &one, sizeof(one));
}

void ApiServer::Stop() {
  if (!accept_thread_.joinable()) return;
  stopping_ = true;
  uint64_t one = 1;
  [[maybe_unused]] ssize_t written = write(wake_fd_, &one, sizeof(one));
  accept_thread_.join();
  listener_.Close();
  {
    MutexLock lock(mutex_);
    for (Connection& connection : connections_) {
      // Idle connections see the end; answers under way can still be written.
      if (connection.fd >= 0) shutdown(connection.fd, SHUT_RD);
    }
  }
  while (true) {
    Connection* last = nullptr;
    {
      MutexLock lock(mutex_);
      if (connections_.empty()) break;
      last = &connections_.front();
    }
    // Only this thread removes from the list now, so that the element stays.
    last->thread.join();
    MutexLock lock(mutex_);
    connections_.pop_front();
  }
  close(wake_fd_);
}

}  // namespace tidegate::api
