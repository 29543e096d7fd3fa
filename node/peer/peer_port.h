#pragma once
// PeerPort: everything between this node and its peers on the network: links accepted and dialled, gRPC on
// both.
//
// Guarantee: as LinkPort, GrpcPeerLink and GrpcServer; callbacks of connect and join come on Lane::kIo,
// exactly once unless the Runtime has stopped. Stop order: stop() the port, then the Runtime, then destroy
// the service. Concurrency: any thread; stop() from none of the hooks.

#include <functional>
#include <memory>
#include <string>

#include "node/peer/admission.h"
#include "node/peer/call_turns.h"
#include "node/peer/link.h"
#include "node/peer/peer_link.h"

namespace tocsin::node {

struct PeerHooks {
  // Whether a peer may have a link; called on link threads for every handshake, both directions (see
  // admit()).
  std::function<LinkVerdict(const PeerCertificate&)> judge;
  JoinHandler join;  // none: joining is refused
  std::function<void(const LinkEvent&)> event;
  CallTurns::Limits calls_at_once = {};  // of what peers ask, on the workers
};

class PeerPort {
 public:
  static Result<std::unique_ptr<PeerPort>> open(Runtime& runtime, PeerService& service,
                                                const TlsIdentity& identity, PeerHooks hooks);
  ~PeerPort();
  PeerPort(const PeerPort&) = delete;
  PeerPort& operator=(const PeerPort&) = delete;

  // "host:port", port 0 for any; returns the port.
  Result<std::uint16_t> listen(const std::string& address);

  using ConnectDone = std::function<void(Result<std::unique_ptr<PeerLink>>)>;
  void connect(DialTarget target, ConnectDone done);
  void join(DialTarget inviter, LinkPort::JoinRequestMaker make_request, LinkPort::JoinDone done);

  // Used from the next handshake on.
  Status set_identity(const TlsIdentity& identity);
  // Ends the links of a peer that has been suspended or removed.
  void drop(const Hash& peer);
  std::size_t links() const;
  void stop();

 private:
  struct Parts;
  explicit PeerPort(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace tocsin::node
