#pragma once
// LinkPort: the peer port. Accepts and dials links: TCP, TLS 1.3 with both certificates, both verdicts, then
// HTTP/2 bytes through the frame guard to a local socket that gRPC serves or calls.
//
// Guarantee: every stranger costs at most one thread of kPendingMax for kOpeningMs; a link lives on one
// thread of its own, so a slow peer delays nobody; each refusal has told both sides why. A new identity is
// used from the next handshake on; links that stand keep standing. Concurrency: any thread, but none of the
// hooks may call stop(). Hooks run on link threads; they may take milliseconds and must outlive the port.
// Source: SPEC §7; reliability: gRPC alone is open to exhaustion.

#include <functional>
#include <memory>
#include <string>

#include "node/peer/link_opening.h"

namespace tocsin::node {

inline constexpr std::uint64_t kOpeningMs = 5'000;
inline constexpr std::size_t kLinksMax = 64;  // accepted ones; a network has dozens of members
inline constexpr std::size_t kLinksPerPeerMax =
    2;  // the second is a reconnection that overtook its predecessor
inline constexpr std::size_t kDialledMax = 64;
inline constexpr std::size_t kPendingMax = 32;  // accepted, verdict not yet given; the oldest makes room
inline constexpr std::size_t kPendingPerSourceMax = 16;  // of one address

// What happened on the port, for logs and metrics.
struct LinkEvent {
  enum class Kind : std::uint8_t { kAccepted, kDialled, kRefused, kFailed, kCut, kClosed, kShed, kJoin };
  Kind kind;
  bool inbound;
  std::string address;
  std::string peer;  // the descriptor's name, once read
  std::string reason;
};
std::string_view kind_name(LinkEvent::Kind kind);

// Serves one accepted link; destroyed, on the link's thread, when the link has ended.
class LinkServer {
 public:
  virtual ~LinkServer() = default;
};

struct LinkHooks {
  std::function<LinkVerdict(const PeerCertificate&)> judge;
  std::function<std::unique_ptr<LinkServer>(UniqueFd local, const PeerCertificate&)> serve;
  JoinHandler join;  // none: joining is refused
  std::function<void(const LinkEvent&)> event;
};

struct DialTarget {
  std::string address;  // "host:port"
  Hash fingerprint;     // of the root key that must answer
};
struct DialledLink {
  UniqueFd local;  // HTTP/2, client side
  PeerCertificate peer;
};

class LinkPort {
 public:
  static Result<std::unique_ptr<LinkPort>> open(Runtime& runtime, const TlsIdentity& identity,
                                                LinkHooks hooks);
  ~LinkPort();
  LinkPort(const LinkPort&) = delete;
  LinkPort& operator=(const LinkPort&) = delete;

  // Accepts on "host:port" from now on (port 0: any); returns the port. Once.
  Result<std::uint16_t> listen(const std::string& address);

  using DialDone = std::function<void(Result<DialledLink>)>;
  // Called once, on the link's thread or this one.
  void dial(DialTarget target, DialDone done);

  using JoinDone = std::function<void(Result<v1::JoinReply>)>;
  // The request is made when the inviter has been authenticated, from the connection's exporter.
  using JoinRequestMaker =
      std::function<v1::JoinRequest(const PeerCertificate& inviter, const Hash& exporter)>;
  void join(DialTarget inviter, JoinRequestMaker make_request, JoinDone done);

  Status set_identity(const TlsIdentity& identity);
  // Ends the links of a peer, both directions.
  void drop(const Hash& peer);
  std::size_t links() const;

  // Ends everything and waits for the threads; a name being resolved is waited for. Idempotent.
  void stop();

 private:
  class Links;
  explicit LinkPort(std::unique_ptr<Links> links);
  std::unique_ptr<Links> links_;
};

}  // namespace tocsin::node
