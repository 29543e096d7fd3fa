#pragma once
// A stand-in for the daemon's operator port: HTTP/1.1 over a real Unix socket, answers from a table of calls.
//
// One thread serves one connection after another until the object goes; handlers run on that thread.

#include <atomic>
#include <functional>
#include <map>
#include <string>
#include <thread>

namespace tocsin::tests {

class AdminServer {
 public:
  struct Answer {
    unsigned status = 200;
    std::string body;
  };
  using Handler = std::function<Answer(const std::string& body)>;

  AdminServer(std::string socket_path, std::map<std::string, Handler> calls);
  ~AdminServer();
  AdminServer(const AdminServer&) = delete;
  AdminServer& operator=(const AdminServer&) = delete;

  const std::string& path() const { return path_; }
  // An RFC 9457 answer; `members` are JSON members that follow, ",…" or nothing.
  static Answer problem(unsigned status, const std::string& detail, const std::string& members = {});

 private:
  void serve();
  void serve_connection(int connection);
  const std::string path_;
  const std::map<std::string, Handler> calls_;
  int listener_ = -1;
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

}  // namespace tocsin::tests
