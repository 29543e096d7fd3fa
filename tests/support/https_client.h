#pragma once
// HttpClient inside TLS: shakes hands as it is told and then sends exactly the bytes it is told.

#include <csignal>
#include <memory>
#include <string>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "tests/support/certificates.h"
#include "tests/support/http_client.h"

namespace tocsin::tests {

struct HttpsOptions {
  const Certified* client = nullptr;     // shown when asked for
  const Certified* authority = nullptr;  // that must have issued the server's certificate
  int version_max = TLS1_3_VERSION;
  std::string alpn = {};  // in wire form; empty: none
};

class HttpsClient {
 public:
  explicit HttpsClient(std::uint16_t port, const HttpsOptions& options = {})
      : context_(SSL_CTX_new(TLS_client_method()), SSL_CTX_free), fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    // OpenSSL writes with write(2) into sockets that the server has closed.
    std::signal(SIGPIPE, SIG_IGN);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    SSL_CTX_set_max_proto_version(context_.get(), options.version_max);
    if (options.client != nullptr) {
      SSL_CTX_use_certificate(context_.get(), options.client->certificate.get());
      SSL_CTX_use_PrivateKey(context_.get(), options.client->key.get());
    }
    if (options.authority != nullptr) {
      X509_STORE_add_cert(SSL_CTX_get_cert_store(context_.get()), options.authority->certificate.get());
      SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER, nullptr);
    }
    ssl_ = {SSL_new(context_.get()), SSL_free};
    if (!options.alpn.empty())
      SSL_set_alpn_protos(ssl_.get(), reinterpret_cast<const unsigned char*>(options.alpn.data()),
                          static_cast<unsigned>(options.alpn.size()));
    if (::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return;
    SSL_set_fd(ssl_.get(), fd_);
    connected_ = SSL_connect(ssl_.get()) == 1;
    ERR_clear_error();
  }
  HttpsClient(const HttpsClient&) = delete;
  HttpsClient& operator=(const HttpsClient&) = delete;
  ~HttpsClient() {
    if (fd_ >= 0) ::close(fd_);
  }

  bool connected() const { return connected_; }  // hands were shaken
  std::string version() const { return SSL_get_version(ssl_.get()); }
  std::string alpn() const {
    const unsigned char* name = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(ssl_.get(), &name, &size);
    return {reinterpret_cast<const char*>(name), size};
  }

  void send(const std::string& bytes) {
    if (connected_) SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size()));
  }
  HttpReply ask(const std::string& bytes) {
    send(bytes);
    return receive();
  }
  HttpReply get(const std::string& path) { return ask("GET " + path + " HTTP/1.1\r\nHost: t\r\n\r\n"); }
  HttpReply receive() {
    HttpReply reply;
    std::size_t end;
    while ((end = pending_.find("\r\n\r\n")) == std::string::npos)
      if (!read_more()) return reply;
    reply.head = pending_.substr(0, end + 2);
    pending_.erase(0, end + 4);
    static const std::string kName = "\r\nContent-Length: ";
    const std::size_t at = reply.head.find(kName);
    const std::size_t length =
        at == std::string::npos ? 0 : std::strtoul(reply.head.c_str() + at + kName.size(), nullptr, 10);
    while (pending_.size() < length)
      if (!read_more()) return reply;
    reply.body = pending_.substr(0, length);
    pending_.erase(0, length);
    reply.status = std::atoi(reply.head.c_str() + sizeof "HTTP/1.1");
    return reply;
  }
  // Waits for the server to hang up; false when it sends something first.
  bool is_closed() { return pending_.empty() && !read_more(); }

 private:
  bool read_more() {
    char buffer[16384];
    const int n = SSL_read(ssl_.get(), buffer, sizeof buffer);
    ERR_clear_error();
    if (n <= 0) return false;
    pending_.append(buffer, static_cast<std::size_t>(n));
    return true;
  }

  std::shared_ptr<SSL_CTX> context_;
  int fd_;
  std::shared_ptr<SSL> ssl_;
  bool connected_ = false;
  std::string pending_;
};

}  // namespace tocsin::tests
