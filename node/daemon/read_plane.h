#pragma once
// ReadPlane: the ledger for anybody, and the cosigner for other logs, on an address of their own: plain HTTP,
// HTTPS, or HTTPS for known clients only, as the settings say.
//
// Certificate files are looked at once a minute and read again when they have changed. Errors of open, all
// kInvalidArgument, name the setting: "config/value", "tls/settings", "tls/files"; HttpServer's besides.
// Concurrency: open and stop from one thread, set_identity from any. What it is given outlives it; the
// runtime ends before it does.

#include <atomic>
#include <functional>
#include <memory>

#include "node/config/config.h"
#include "node/http/log_retention.h"
#include "node/http/server.h"
#include "node/ledger/ledger.h"
#include "node/witness/cosigner.h"

namespace tocsin::node {

class ReadPlane {
 public:
  struct Parts {
    const Config& config;
    AsioRuntime& runtime;
    Metrics& metrics;
    const Ledger& ledger;
    PublishedSource published;
    Cosigner& cosigner;
    std::function<Status(ByteView certificate_der)> member;  // whether a certificate is an active member's
  };
  // `identity`: the node's own on the peer port.
  static Result<std::unique_ptr<ReadPlane>> open(Parts parts, const TlsIdentity& identity);
  ~ReadPlane();

  std::uint16_t port() const { return port_; }
  Status set_identity(const TlsIdentity& identity);
  void stop();

 private:
  explicit ReadPlane(Parts parts) : parts_(std::move(parts)), router_(nullptr) {}
  Status open_tls(const TlsIdentity& identity);
  void add_routes();
  void poll_files();

  const Parts parts_;
  Router router_;
  std::shared_ptr<HttpTls> tls_;  // none: plain HTTP
  std::unique_ptr<LogRetention> retention_;
  std::unique_ptr<HttpServer> server_;
  std::uint16_t port_ = 0;
  std::atomic<bool> stopped_{false};
};

}  // namespace tocsin::node
