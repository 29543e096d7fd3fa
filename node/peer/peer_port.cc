#include "node/peer/peer_port.h"

#include "node/peer/grpc_link.h"
#include "node/peer/grpc_server.h"

namespace tocsin::node {

struct PeerPort::Parts {
  Parts(Runtime& runtime_of, const CallTurns::Limits& limits)
      : runtime(runtime_of), budget(runtime_of, limits) {}
  Runtime& runtime;
  // Calls may end after their link: they keep it.
  CallBudget budget;
  std::unique_ptr<LinkPort> port;
};

PeerPort::PeerPort(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
PeerPort::~PeerPort() {
  stop();
}

Result<std::unique_ptr<PeerPort>> PeerPort::open(Runtime& runtime, PeerService& service,
                                                 const TlsIdentity& identity, PeerHooks hooks) {
  auto parts = std::make_unique<Parts>(runtime, hooks.calls_at_once);
  LinkHooks link_hooks;
  link_hooks.judge = std::move(hooks.judge);
  link_hooks.join = std::move(hooks.join);
  link_hooks.event = std::move(hooks.event);
  link_hooks.serve = [&runtime, &service, &budget = parts->budget](UniqueFd local,
                                                                   const PeerCertificate& peer) {
    return make_grpc_server(runtime, service, budget, peer.fingerprint, std::move(local));
  };
  TRY_ASSIGN(parts->port, LinkPort::open(runtime, identity, std::move(link_hooks)));
  return std::unique_ptr<PeerPort>(new PeerPort(std::move(parts)));
}

Result<std::uint16_t> PeerPort::listen(const std::string& address) {
  return parts_->port->listen(address);
}

void PeerPort::connect(DialTarget target, ConnectDone done) {
  parts_->port->dial(
      std::move(target), [&runtime = parts_->runtime, done = std::move(done)](Result<DialledLink> link) {
        // Tasks are copied, links are not.
        auto result = std::make_shared<Result<std::unique_ptr<PeerLink>>>(
            link ? Result<std::unique_ptr<PeerLink>>(make_grpc_link(runtime, std::move(link->local)))
                 : Result<std::unique_ptr<PeerLink>>(fail(link.error())));
        runtime.post(Lane::kIo, [done, result] { done(std::move(*result)); });
      });
}

void PeerPort::join(DialTarget inviter, LinkPort::JoinRequestMaker make_request, LinkPort::JoinDone done) {
  parts_->port->join(std::move(inviter), std::move(make_request),
                     [&runtime = parts_->runtime, done = std::move(done)](Result<v1::JoinReply> reply) {
                       runtime.post(Lane::kIo, [done, reply = std::move(reply)] { done(reply); });
                     });
}

Status PeerPort::set_identity(const TlsIdentity& identity) {
  return parts_->port->set_identity(identity);
}
void PeerPort::drop(const Hash& peer) {
  parts_->port->drop(peer);
}
std::size_t PeerPort::links() const {
  return parts_->port->links();
}
void PeerPort::stop() {
  parts_->port->stop();
}

}  // namespace tocsin::node
