// ApiServer: HTTP/JSON and SSE on a Unix socket, over a NodeService. docs/api.md is the user's guide.
// Thread safety: Start and Stop from one thread. Ownership: refers to the service and the log, which
// outlive it; owns its threads and the socket's file.
#pragma once

#include <atomic>
#include <list>
#include <memory>
#include <thread>

#include "host/api/listener.h"
#include "host/api/options.h"
#include "host/base/mutex.h"
#include "host/core/metrics.h"
#include "host/node/service.h"

namespace tidegate::api {

class ApiServer {
 public:
  static Result<std::unique_ptr<ApiServer>> Start(const ApiOptions& options, node::NodeService& node, core::Log& log);
  ~ApiServer() { Stop(); }

  // Takes no more requests, lets those under way end, joins the threads. The service still has to answer.
  void Stop();

 private:
  struct Connection {
    std::thread thread;
    int fd = -1;  // for shutdown only; -1 = about to be closed
    bool done = false;
  };

  ApiServer(const ApiOptions& options, node::NodeService& node, core::Log& log, Listener listener, int wake_fd)
      : options_(options), node_(node), log_(log), listener_(std::move(listener)), wake_fd_(wake_fd) {}

  void AcceptLoop();
  void Admit(int fd);
  void Reap();
  void Run(int fd, Connection* connection);

  const ApiOptions options_;
  node::NodeService& node_;
  core::Log& log_;
  Listener listener_;
  const int wake_fd_;
  std::atomic<bool> stopping_{false};
  std::atomic<uint32_t> streams_{0};
  std::thread accept_thread_;

  Mutex mutex_;
  std::list<Connection> connections_ TG_GUARDED_BY(mutex_);
};

}  // namespace tidegate::api
