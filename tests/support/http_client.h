#pragma once
// A raw HTTP/1.1 client over POSIX sockets: sends exactly the bytes it is told and reads one response at a
// time.

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <utility>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace tocsin::tests {

struct HttpReply {
  int status = 0;  // 0: the connection ended before a whole response
  std::string head;
  std::string body;

  bool has(const std::string& line) const { return head.find("\r\n" + line + "\r\n") != std::string::npos; }
};

class HttpClient {
 public:
  static HttpClient tcp(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return HttpClient(AF_INET, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  }
  // "127.0.0.1:80"
  static HttpClient tcp(const std::string& address) {
    const std::size_t colon = address.rfind(':');
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<std::uint16_t>(std::atoi(address.c_str() + colon + 1)));
    ::inet_pton(AF_INET, address.substr(0, colon).c_str(), &to.sin_addr);
    return HttpClient(AF_INET, reinterpret_cast<const sockaddr*>(&to), sizeof to);
  }
  static HttpClient local(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), std::min(path.size(), sizeof address.sun_path - 1));
    return HttpClient(AF_UNIX, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  }
  HttpClient(HttpClient&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)), pending_(std::move(other.pending_)) {}
  HttpClient& operator=(HttpClient&&) = delete;
  ~HttpClient() {
    if (fd_ >= 0) ::close(fd_);
  }

  bool connected() const { return fd_ >= 0; }

  // False when the server has hung up.
  bool send(const std::string& bytes) {
    for (std::size_t at = 0; at < bytes.size();) {
      const ssize_t n = ::send(fd_, bytes.data() + at, bytes.size() - at, MSG_NOSIGNAL);
      if (n <= 0) return false;
      at += static_cast<std::size_t>(n);
    }
    return true;
  }
  void finish_sending() { ::shutdown(fd_, SHUT_WR); }

  // The next response; `head_only` for answers to HEAD.
  HttpReply receive(bool head_only = false) {
    HttpReply reply;
    std::size_t end;
    while ((end = pending_.find("\r\n\r\n")) == std::string::npos)
      if (!read_more()) return reply;
    reply.head = pending_.substr(0, end + 2);
    pending_.erase(0, end + 4);
    const std::size_t length = head_only ? 0 : content_length(reply.head);
    while (pending_.size() < length)
      if (!read_more()) return reply;
    reply.body = pending_.substr(0, length);
    pending_.erase(0, length);
    reply.status = std::atoi(reply.head.c_str() + sizeof "HTTP/1.1");
    return reply;
  }
  HttpReply ask(const std::string& bytes) {
    send(bytes);
    return receive();
  }
  // Waits for the server to hang up; false when it sends something first.
  bool is_closed() { return pending_.empty() && !read_more(); }

 private:
  HttpClient(int family, const sockaddr* address, socklen_t size) : fd_(::socket(family, SOCK_STREAM, 0)) {
    if (::connect(fd_, address, size) == 0) return;
    ::close(fd_);
    fd_ = -1;
  }
  static std::size_t content_length(const std::string& head) {
    static const std::string kName = "\r\nContent-Length: ";
    const std::size_t at = head.find(kName);
    return at == std::string::npos ? 0 : std::strtoul(head.c_str() + at + kName.size(), nullptr, 10);
  }
  bool read_more() {
    char buffer[16384];
    const ssize_t n = ::recv(fd_, buffer, sizeof buffer, 0);
    if (n <= 0) return false;
    pending_.append(buffer, static_cast<std::size_t>(n));
    return true;
  }

  int fd_;
  std::string pending_;
};

}  // namespace tocsin::tests
