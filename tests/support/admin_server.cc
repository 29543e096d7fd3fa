#include "tests/support/admin_server.h"

#include <cstdlib>
#include <cstring>
#include <stdexcept>

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace tocsin::tests {
namespace {

constexpr int kPollMs = 20;

std::size_t content_length(const std::string& head) {
  const std::size_t at = head.find("Content-Length: ");
  return at == std::string::npos ? 0 : std::stoul(head.substr(at + 16));
}

std::string wire(const AdminServer::Answer& answer) {
  const std::string type = answer.status == 200 ? "application/x-protobuf" : "application/problem+json";
  return "HTTP/1.1 " + std::to_string(answer.status) + " X\r\nContent-Type: " + type +
         "\r\nContent-Length: " + std::to_string(answer.body.size()) + "\r\n\r\n" + answer.body;
}

}  // namespace

AdminServer::AdminServer(std::string socket_path, std::map<std::string, Handler> calls)
    : path_(std::move(socket_path)), calls_(std::move(calls)) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path_.size() >= sizeof address.sun_path) throw std::runtime_error("socket path too long");
  std::memcpy(address.sun_path, path_.c_str(), path_.size() + 1);
  listener_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      listen(listener_, 8) != 0) {
    throw std::runtime_error("cannot listen at " + path_);
  }
  thread_ = std::thread([this] { serve(); });
}

AdminServer::~AdminServer() {
  stopping_ = true;
  thread_.join();
  close(listener_);
}

void AdminServer::serve() {
  while (!stopping_) {
    pollfd waiting{listener_, POLLIN, 0};
    if (poll(&waiting, 1, kPollMs) <= 0) continue;
    const int connection = accept(listener_, nullptr, nullptr);
    if (connection < 0) continue;
    serve_connection(connection);
    close(connection);
  }
}

void AdminServer::serve_connection(int connection) {
  std::string input;
  char buffer[65536];
  while (!stopping_) {
    pollfd waiting{connection, POLLIN, 0};
    if (poll(&waiting, 1, kPollMs) <= 0) continue;
    const ssize_t got = read(connection, buffer, sizeof buffer);
    if (got <= 0) return;
    input.append(buffer, static_cast<std::size_t>(got));
    const std::size_t end = input.find("\r\n\r\n");
    if (end == std::string::npos) continue;
    const std::size_t length = content_length(input.substr(0, end));
    if (input.size() < end + 4 + length) continue;
    const std::size_t name_at = input.find("/admin/v1/") + 10;
    const std::string name = input.substr(name_at, input.find(' ', name_at) - name_at);
    const auto call = calls_.find(name);
    const std::string out = wire(call == calls_.end() ? problem(404, "no call " + name)
                                                      : call->second(input.substr(end + 4, length)));
    input.erase(0, end + 4 + length);
    if (send(connection, out.data(), out.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(out.size())) return;
  }
}

AdminServer::Answer AdminServer::problem(unsigned status, const std::string& detail,
                                         const std::string& members) {
  return {status, "{\"type\":\"about:blank\",\"title\":\"X\",\"status\":" + std::to_string(status) +
                      ",\"detail\":\"" + detail + "\"" + members + "}"};
}

}  // namespace tocsin::tests
