#include "node/daemon/read_plane.h"

#include "crypto/base/encoding.h"
#include "node/http/log_routes.h"
#include "node/http/operations.h"
#include "node/http/witness_routes.h"
#include "node/log/log.h"

namespace tocsin::node {
namespace {

// Anybody may connect: what one address gets of it.
constexpr std::size_t kReadersPerAddressMax = 64;
constexpr std::size_t kReadersMax = 512;
constexpr std::uint64_t kFilesPollMs = 60'000;
constexpr std::uint64_t kDayMs = 24ULL * 3600 * 1000;

tl::unexpected<Error> bad_setting(std::string what, std::string fix) {
  return fail(Error{Code::kInvalidArgument, std::move(what), "config/value", "", std::move(fix)});
}

}  // namespace

Result<std::unique_ptr<ReadPlane>> ReadPlane::open(Parts parts, const TlsIdentity& identity) {
  std::unique_ptr<ReadPlane> out(new ReadPlane(std::move(parts)));
  const Config& config = out->parts_.config;
  if (config.read_retention_days != 0 && config.read_retention_days < kRetentionDaysLeast)
    return bad_setting(
        "read_retention_days must be 0 or at least 1280: no record is pruned while a signal may "
        "still live",
        "set read_retention_days to 0 or 1280");
  TRY(out->open_tls(identity));
  out->add_routes();
  HttpLimits limits;
  limits.connections_max = kReadersMax;
  limits.connections_per_address_max = kReadersPerAddressMax;
  limits.requests_per_s_max = config.read_rate;
  out->server_ = std::make_unique<HttpServer>(out->parts_.runtime, out->router_, out->parts_.metrics, limits);
  TRY_ASSIGN(out->port_, out->server_->listen_tcp(config.read_listen, out->tls_));
  if (out->tls_) out->poll_files();
  return out;
}

ReadPlane::~ReadPlane() {
  stop();
}

Status ReadPlane::open_tls(const TlsIdentity& identity) {
  const Config& config = parts_.config;
  const bool own = config.read_certificate == "node";
  const bool members = config.read_members == "yes";
  if (config.read_certificate.empty() &&
      (members || !config.read_client_ca.empty() || !config.read_key.empty()))
    return bad_setting("read_key, read_client_ca and read_members need read_certificate",
                       "set read_certificate to a PEM file or to node");
  if (own && !config.read_key.empty())
    return bad_setting("the node's own certificate has its own key", "leave read_key out");
  if (config.read_certificate.empty()) return {};
  HttpTlsSettings settings;
  if (!own) settings.certificate = config.read_certificate;
  settings.key = config.read_key;
  settings.client_ca = config.read_client_ca;
  if (members) settings.member = parts_.member;
  TRY_ASSIGN(tls_, HttpTls::make(std::move(settings), identity));
  return {};
}

void ReadPlane::add_routes() {
  const Config& config = parts_.config;
  LogRoutes routes{parts_.ledger.log(), parts_.published, config.read_prefix,
                   hex_encode(ByteView(parts_.ledger.self()).first(8))};
  if (config.read_retention_days != 0) {
    retention_ = std::make_unique<LogRetention>(parts_.ledger.log(), parts_.runtime, parts_.published,
                                                config.read_retention_days * kDayMs);
    routes.minimum_index = [this] { return retention_->minimum_index(); };
  }
  add_log_routes(router_, std::move(routes));
  add_witness_route(router_, parts_.cosigner, config.read_prefix);
  add_security_txt(router_, config.security_contact, parts_.runtime);
}

Status ReadPlane::set_identity(const TlsIdentity& identity) {
  return tls_ ? tls_->set_identity(identity) : Status();
}

void ReadPlane::poll_files() {
  if (stopped_) return;
  const auto again = tls_->reload();
  if (!again) log_failure(LogLevel::kError, "read.certificate_refused", again.error());
  if (again && *again) log_event(LogLevel::kInfo, "read.certificate_renewed", {});
  parts_.runtime.after(kFilesPollMs, Lane::kWorkers, [this] { poll_files(); });
}

void ReadPlane::stop() {
  if (stopped_.exchange(true)) return;
  if (server_) server_->stop();
}

}  // namespace tocsin::node
