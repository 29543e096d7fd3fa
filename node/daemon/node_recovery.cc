// Quarantine and the ways out of it: what a node does that may not sign.
#include <future>

#include "node/daemon/node_parts.h"
#include "node/http/operations.h"
#include "node/log/log.h"

namespace tocsin::node {
namespace {

// Each renewal of the descriptor is one step towards the sequence that peers have seen.
constexpr std::uint64_t kRenewEveryMs = 20'000;

// Nobody is answered: the port only dials.
class Silent : public PeerService {
 public:
  Result<v1::HelloReply> hello(const Hash&, const v1::HelloRequest&) override { return refuse(); }
  Result<v1::RecordsReply> records(const Hash&, const v1::RecordsRequest&) override { return refuse(); }
  void cosign(const Hash&, const v1::CosignRequest&, CosignDone done) override { done(refuse()); }
  std::uint64_t add_watcher(const Hash&, OnHead) override { return 1; }
  void remove_watcher(std::uint64_t) override {}

 private:
  static tl::unexpected<Error> refuse() {
    return fail(Code::kUnavailable, "this node is in quarantine", "peer/quarantine");
  }
};

NodeState state_of(Repair::Stage stage) {
  return stage == Repair::Stage::kFetching || stage == Repair::Stage::kWriting ? NodeState::kRepairing
                                                                               : NodeState::kQuarantined;
}

v1::Recovery recovery_of(const Repair::Report& report) {
  v1::Recovery out;
  out.set_stage(std::string(stage_name(report.stage)));
  out.set_had(report.base);
  out.set_records(report.proven);
  out.set_lost_bodies(report.lost);
  out.set_waiting_for(report.waiting_for);
  out.set_fix(report.fix);
  for (const Repair::Member& member : report.members) {
    v1::RecoveryMember& row = *out.add_members();
    row.set_name(member.name);
    row.set_answered(member.answered);
    row.set_left_out(member.left_out);
    row.set_held(member.held);
    row.set_signed_size(member.signed_size);
    row.set_error(member.error);
  }
  return out;
}

}  // namespace

// The members are asked before anything is signed: a directory put back whole, anchor and all, looks like
// what it was.
std::optional<Error> Node::Parts::look_again() {
  auto log = protocol::make_verifier_key(ledger->origin(), protocol::KeyType::kEd25519,
                                         operational_key().public_key());
  if (!log) return log.error();
  second_look = std::make_unique<SecondLook>(
      SecondLook::Parts{*store, runtime, std::move(*log), ledger->head().tree,
                        [this](const protocol::ValidDescriptor& peer, Sync::Connected done) {
                          connect(peer, std::move(done));
                        }});
  auto answer = std::make_shared<std::promise<std::optional<Error>>>();
  auto future = answer->get_future();
  second_look->start([answer](std::optional<Error> why) { answer->set_value(std::move(why)); });
  return future.get();
}

// The store says so itself when it is opened the next time, whoever opens it. `then` on the sequencer.
void Node::Parts::quarantine(const Error& why, std::function<void()> then) {
  ledger->halt(why);
  runtime.post(Lane::kSequencer, [this, why, then = std::move(then)] {
    if (const Status entered = store->enter_quarantine(why); !entered)
      log_failure(LogLevel::kError, "node.quarantine_failed", entered.error());
    then();
  });
}

Status Node::Parts::open_again_quarantined(const Error& why) {
  log_failure(LogLevel::kError, "node.behind", why);
  auto entered = std::make_shared<std::promise<void>>();
  auto future = entered->get_future();
  quarantine(why, [entered] { entered->set_value(); });
  future.get();
  open_again = true;
  return {};
}

// The node stays up: its operator is told, and its peers are asked for what it has lost.
Status Node::Parts::open_quarantined(Error why) {
  log_failure(LogLevel::kError, "node.quarantined", why);
  state.enter(NodeState::kQuarantined);
  const auto head = store->head();
  const Keys& mine = *keys.back();
  sealer = std::make_unique<RecordSealer>(mine.kek.copy(), mine.chain_key.copy());
  repair = std::make_unique<Repair>(Repair::Parts{
      *store, runtime, *sealer, mine.operational, mine.descriptor.message().log_origin(),
      mine.descriptor.fingerprint(),
      [this](const protocol::ValidDescriptor& peer, Sync::Connected done) { connect(peer, std::move(done)); },
      [this](Repair::Stage stage) {
        if (stage == Repair::Stage::kDone || stage == Repair::Stage::kFailed) return wake();
        state.enter(state_of(stage));
      },
      [this] { renew_refused(); }});
  quarantined.emplace(Quarantined{std::move(why), head ? head->size : 0, [this] { return descriptor(); },
                                  runtime, [this](v1::StatusReply& reply) { describe(reply); },
                                  [this](const v1::RecoverRequest& request) -> Result<v1::Recovery> {
                                    Repair::Decision decision;
                                    decision.without.assign(request.without().begin(),
                                                            request.without().end());
                                    decision.alone = request.alone();
                                    decision.forget_unseen = request.forget_unseen();
                                    TRY(repair->decide(decision));
                                    return recovery_of(repair->report());
                                  }});
  TRY(open_quarantine_port());
  TRY(open_quarantine_http());
  repair->start();
  return {};
}

void Node::Parts::describe(v1::StatusReply& reply) {
  reply.set_state(std::string(state_name(state.now())));
  *reply.mutable_recovery() = recovery_of(repair->report());
}

// Opened to dial, and not to listen.
Status Node::Parts::open_quarantine_port() {
  silent = std::make_unique<Silent>();
  PeerHooks hooks;
  hooks.judge = [this](const PeerCertificate& peer) {
    if (!repair->knows(peer.fingerprint))
      return LinkVerdict::refuse(Code::kUnauthenticated, "this root key is not a member here");
    std::uint64_t sequence = 0;
    if (const auto row = storage::PeerStore(*store).get(peer.fingerprint); row && *row)
      if (const auto known = protocol::parse_descriptor((*row)->signed_descriptor()))
        sequence = known->message().sequence();
    return admit(peer, Pin{sequence, false}, runtime.now_ms());
  };
  TRY_ASSIGN(port, PeerPort::open(runtime, *silent, keys.back()->tls, std::move(hooks)));
  renew_when_due();
  return {};
}

Status Node::Parts::open_quarantine_http() {
  TRY_ASSIGN(tokens, Tokens::open(config.token_file_path()));
  router = std::make_unique<Router>(tokens.get());
  add_operations_routes(*router, metrics, [this]() -> Status { return fail(quarantined->why); });
  add_quarantine_routes(*router, *quarantined);
  http = std::make_unique<HttpServer>(runtime, *router, metrics);
  if (!config.http_listen.empty()) {
    TRY_ASSIGN(http_port, http->listen_tcp(config.http_listen));
  }
  return http->listen_unix(config.admin_socket_path());
}

// A peer knows a newer descriptor of ours than this copy of the keystore.
void Node::Parts::renew_refused() {
  const std::uint64_t now = runtime.now_ms();
  std::uint64_t last = renewed_ms;
  if (last + kRenewEveryMs > now || !renewed_ms.compare_exchange_strong(last, now)) return;
  runtime.post(Lane::kWorkers, [this] {
    v1::RotateRequest request;
    request.set_key("tls");
    if (const auto renewed = rotate(request); !renewed)
      return log_failure(LogLevel::kError, "node.renewal_failed", renewed.error());
    log_event(LogLevel::kWarning, "node.renewed", {{"descriptor", descriptor().message().sequence()}});
  });
}

}  // namespace tocsin::node
