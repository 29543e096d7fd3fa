#include <algorithm>

#include "node/daemon/node_parts.h"
#include "node/log/log.h"

namespace tocsin::node {
namespace {

constexpr std::uint64_t kJoinPollMs = 1'000;

}  // namespace

LinkVerdict Node::Parts::judge(const PeerCertificate& peer) {
  std::optional<Pin> pin;
  const auto row = members->row(peer.fingerprint);
  if (!row) return LinkVerdict::refuse(Code::kUnavailable, "this node cannot read its list of members now");
  std::uint64_t sequence = 0;
  if (*row) {
    if (const auto known = protocol::parse_descriptor((*row)->signed_descriptor())) {
      sequence = known->message().sequence();
      const v1::PeerStanding standing = (*row)->standing();
      const bool excluded = standing == v1::PEER_SUSPENDED || standing == v1::PEER_QUARANTINED;
      if (standing == v1::PEER_ACTIVE || excluded) pin = Pin{sequence, excluded};
    }
  }
  // An inviter is pinned by the invitation before it is a member here.
  if (!pin) {
    if (const auto following = members->following();
        following && *following && (*following)->invitation().inviter_root() == to_string(peer.fingerprint))
      pin = Pin{0, false};
  }
  const LinkVerdict verdict = admit(peer, pin, runtime.now_ms());
  if (verdict.refused && *row) {
    const std::lock_guard lock(refusals_mu);
    refusals[peer.fingerprint] = {runtime.now_ms(), verdict.reason};
  }
  if (!verdict.refused && *row && peer.descriptor.sequence() > sequence) {
    if (const auto newer = protocol::parse_descriptor(peer.signed_descriptor))
      ledger->append(members->learned(**row, *newer), [](const Result<Appended>&) {});
  }
  return verdict;
}

Result<v1::JoinReply> Node::Parts::on_join(const v1::JoinRequest& request, const Hash& exporter) {
  Members::Candidate candidate = members->on_join(request, exporter);
  if (candidate.append) TRY(commit(*ledger, std::move(*candidate.append)));
  return candidate.reply;
}

void Node::Parts::open_gossip() {
  gossip = std::make_unique<Gossip>(
      Gossip::Parts{*store, *ledger, runtime, *members, [this] { return witnessed->published(); },
                    [this](const Gossip::OwnConflict& conflict) {
                      on_ahead({conflict.holder, conflict.size, true, conflict.note});
                    },
                    [this](const Hash& peer) {
                      if (port) port->drop(peer);
                    },
                    &metrics});
}

// Opened before anybody is let in: it dials only, until open_peers().
Status Node::Parts::open_port() {
  TRY(open_witnesses());
  open_gossip();
  feed_owner = std::make_unique<FeedOwner>(
      *ledger, runtime, *members,
      [this](std::uint64_t from, std::uint64_t known) { return witnessed->published_for(from, known); });
  feed_owner->set_descriptor([this] { return descriptor(); });
  kept_ledgers = std::make_unique<KeptLedgers>(*store, runtime, ledger->self());
  feed_service =
      std::make_unique<FeedService>(*ledger, *feed_owner, cosigner.get(), kept_ledgers.get(), gossip.get());
  PeerHooks hooks;
  hooks.judge = [this](const PeerCertificate& peer) { return judge(peer); };
  // Half of the workers stay for people and platforms, whatever peers ask.
  hooks.calls_at_once.of_all = std::max<std::size_t>(config.workers / 2, 1);
  hooks.join = [this](const PeerCertificate&, const v1::JoinRequest& request, const Hash& exporter) {
    return on_join(request, exporter);
  };
  hooks.event = [this](const LinkEvent& event) {
    if (event.kind == LinkEvent::Kind::kAccepted) metrics.links_opened.add();
    if (event.kind == LinkEvent::Kind::kRefused) metrics.links_refused.add();
    if (event.kind == LinkEvent::Kind::kCut) metrics.frames_refused.add();
    log_event(LogLevel::kInfo, "peer.link",
              {{"what", kind_name(event.kind)},
               {"inbound", event.inbound},
               {"address", event.address},
               {"peer", event.peer},
               {"reason", event.reason}});
  };
  TRY_ASSIGN(port, PeerPort::open(runtime, *feed_service, keys.back()->tls, std::move(hooks)));
  open_key_change();
  // Before anybody sees the old certificate.
  renew_when_due();
  return {};
}

void Node::Parts::connect(const protocol::ValidDescriptor& peer, Sync::Connected done) {
  port->connect({peer.message().address(), peer.fingerprint()},
                [done = std::move(done)](Result<std::unique_ptr<PeerLink>> link) {
                  if (!link) return done(tl::unexpected<Error>(std::move(link).error()));
                  done(std::shared_ptr<PeerLink>(std::move(*link)));
                });
}

Status Node::Parts::open_peers() {
  TRY_ASSIGN(peer_port, port->listen(config.listen));
  sync = std::make_unique<Sync>(Sync::Parts{
      *store, *ledger, runtime, *members,
      [this](const protocol::ValidDescriptor& peer, Sync::Connected done) { connect(peer, std::move(done)); },
      [this] { return envelope_keys(); }, &metrics, gossip.get()});
  sync->start();
  TRY(witnessed->start());
  TRY(gossip->start());
  key_change->settle();
  poll_join();
  poll_expiry();
  poll_hourly();
  poll_witnessed();
  if (config.index_hours != 0) poll_index();
  return {};
}

void Node::Parts::poll_join() {
  if (stopping) return;
  const auto following = members->following();
  const auto network = members->network();
  const bool wanted = following && *following && network && !*network &&
                      ((*following)->answer().empty() || (*following)->answer() == "waiting");
  if (wanted) return send_join(**following);
  schedule_join(kJoinPollMs);
}

void Node::Parts::schedule_join(std::uint64_t delay_ms) {
  const std::uint64_t turn = ++join_turn;
  runtime.after(delay_ms, Lane::kWorkers, [this, turn] {
    if (turn == join_turn) poll_join();
  });
}

void Node::Parts::send_join(const v1::JoinRow& row) {
  const auto inviter_root = fixed<32>(as_view(row.invitation().inviter_root()), "inviter");
  if (!inviter_root) return;
  auto inviter = std::make_shared<std::optional<PeerCertificate>>();
  port->join(
      {row.invitation().inviter_address(), *inviter_root},
      [this, row, inviter](const PeerCertificate& certificate, const Hash& exporter) {
        *inviter = certificate;
        const auto mine = descriptor();
        v1::JoinRequest request;
        *request.mutable_signed_descriptor() = mine.signed_form();
        const ByteView secret = as_view(row.invitation().secret());
        request.set_invitation_id(to_string(protocol::invitation_id(secret)));
        request.set_proof(
            to_string(protocol::join_proof(secret, exporter, as_view(mine.signed_form().body()))));
        return request;
      },
      [this, row, inviter](Result<v1::JoinReply> reply) {
        const auto again = [this] { schedule_join(kJoinPollMs); };
        if (!reply) {
          log_failure(LogLevel::kWarning, "network.join_failed", reply.error());
          const std::lock_guard lock(refusals_mu);
          join_trouble = reply.error().message;
        }
        if (!reply || !*inviter) return again();
        const auto from = protocol::parse_descriptor((*inviter)->signed_descriptor);
        if (!from) return again();
        auto append = members->answered(row, *reply, *from);
        if (!append) return again();
        ledger->append(std::move(*append), [again](const Result<Appended>&) { again(); });
      });
}

}  // namespace tocsin::node
