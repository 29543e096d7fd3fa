#include "node/daemon/node_parts.h"
#include "node/log/log.h"
#include "protocol/process/policy_override.h"
#include "protocol/process/registry.h"

namespace tocsin::node {

Status Node::Parts::open_store() {
  TRY_ASSIGN(const KeystoreLock lock, keystore_lock());
  TRY_ASSIGN(Keys opened, open_keystore(config.data_dir, lock));
  keys.push_back(std::make_unique<Keys>(std::move(opened)));
  room = storage::DiskRoom::open(config.data_dir, std::uint64_t{config.disk_reserve_mb} << 20);
  storage::StoreOptions options;
  options.spare_disk = !room->health();
  TRY_ASSIGN(store, storage::Store::open(config.data_dir + "/store", options));
  return {};
}

Status Node::Parts::open_ledger() {
  const Keys& mine = *keys.back();
  LedgerKeys ledger_keys{mine.operational.copy(),
                         mine.chain_key.copy(),
                         mine.kek.copy(),
                         mine.descriptor.message().log_origin(),
                         mine.descriptor.fingerprint(),
                         to_bytes(as_view(mine.descriptor.signed_form().SerializeAsString())),
                         {}};
  if (mine.next) ledger_keys.next = mine.next->operational.copy();
  TRY_ASSIGN(ledger, Ledger::open(*store, runtime, std::move(ledger_keys)));
  members = std::make_unique<Members>(*store, *ledger, runtime);
  signals = std::make_unique<Signals>(*store, *ledger, runtime, *members,
                                      MatchSettings{config.match_radius, config.quality_gate});
  desk = std::make_unique<Desk>(*store, *ledger, runtime, *signals);
  TRY(signals->rebuild([this](const v1::Case& value) { desk->note(value); }));
  ledger_export = std::make_unique<LedgerExport>(LedgerExport::Parts{
      *ledger, *signals, *store, [this]() -> const crypto::SigningKey& { return operational_key(); },
      [this] { return witnessed->published(); }});
  metrics.ledger_size.set(static_cast<std::int64_t>(ledger->size()));
  metrics.signals_matching.set(static_cast<std::int64_t>(signals->matching()));
  ledger->count_in(metrics);
  ledger->set_gate([this](const Append& append) { return room->admit(append.correction); });
  ledger->set_listener([this](const Ledger::Committed& committed) { on_commit(committed); });
  return {};
}

// What due process asks of this node at once, without anybody's decision: done behind the commit that asks.
void Node::Parts::follow_up(const v1::Case& value) {
  for (Append& append : desk->follow_up(value))
    ledger->append(std::move(append), [](const Result<Appended>& done) {
      if (!done) log_failure(LogLevel::kError, "case.follow-up-failed", done.error());
    });
}

void Node::Parts::on_commit(const Ledger::Committed& committed) {
  signals->on_committed(committed);
  for (const v1::Case& value : committed.changed) {
    desk->note(value);
    if (desk->asks(value)) runtime.post(Lane::kWorkers, [this, value] { follow_up(value); });
  }
  if (known_logs) known_logs->rows_changed();
  metrics.ledger_commits.add();
  metrics.ledger_size.set(static_cast<std::int64_t>(committed.head.tree.size));
  metrics.signals_matching.set(static_cast<std::int64_t>(signals->matching()));
  metrics.witness_cosigned.set(static_cast<std::int64_t>(cosigner ? cosigner->cosigned() : 0));
  if (witnessed && committed.from < committed.head.tree.size) witnessed->on_committed();
}

Status Node::Parts::open_witnesses() {
  const Keys& mine = *keys.front();
  known_logs = std::make_unique<KnownLogs>(*members, runtime);
  cosigner = std::make_unique<Cosigner>(Cosigner::Parts{
      *store, *ledger, runtime, mine.cosigner.copy(), protocol::cosigner_name(mine.descriptor.name()),
      [this](std::string_view origin) { return known_logs->keys(origin); }, nullptr,
      [this](const std::string& origin, const std::string& note) { gossip->saw_of(origin, note); }});
  outside = std::make_unique<OutsideWitnesses>();
  witnessed = std::make_unique<Witnessed>(
      Witnessed::Parts{*store, *ledger, runtime, [this] { return known_logs->members_that_cosign(); },
                       [this](const WitnessTarget& target, const std::string& body, Witnessed::Asked asked) {
                         ask_to_cosign(target, body, std::move(asked));
                       },
                       [this](const Published& published) {
                         metrics.ledger_published.set(static_cast<std::int64_t>(published.tree.size));
                         if (feed_service && published.checkpoint)
                           feed_service->moved_on(*published.checkpoint);
                         if (key_change) runtime.post(Lane::kWorkers, [this] { key_change->settle(); });
                       },
                       [this](const Witnessed::Ahead& ahead) { on_ahead(ahead); }});
  witness_calls.reset(new WitnessCalls{
      *ledger, *members, *witnessed, *cosigner, config.data_dir + "/witness.policy",
      [this] {
        const std::lock_guard lock(alarm_mu);
        return alarm;
      },
      [this](std::string_view before, std::string_view after, std::string_view reason) {
        return protocol::sign_policy_override(newest_keys().root, ledger->origin(), before, after, reason);
      }});
  return {};
}

void Node::Parts::ask_to_cosign(const WitnessTarget& target, const std::string& body,
                                Witnessed::Asked asked) {
  if (!target.is_peer()) {
    if (target.url.empty())
      return asked(fail(Code::kUnavailable, "it is no member, and the policy names no address for it",
                        "witness/unreachable"));
    return outside->ask(target.url, body, std::move(asked));
  }
  runtime.post(Lane::kIo, [this, peer = target.peer, body, asked = std::move(asked)] {
    const auto link = sync->link_of(peer);
    if (!link) return asked(fail(Code::kUnavailable, "there is no link to it now", "witness/unreachable"));
    v1::CosignRequest request;
    request.set_body(body);
    link->cosign(request, [asked](Result<v1::CosignReply> reply) {
      if (!reply) return asked(fail(std::move(reply.error())));
      asked(CosignAnswer{reply->status(), std::move(*reply->mutable_body()),
                         std::move(*reply->mutable_held())});
    });
  });
}

void Node::Parts::on_ahead(const Witnessed::Ahead& ahead) {
  // A claim alone raises the alarm; our own signature under another history ends this one.
  if (ahead.proven)
    quarantine({Code::kFailedPrecondition,
                "this ledger is another history than one that the node signed before; " + ahead.witness +
                    " holds the note",
                "ledger/forked", "the data directory is older than what the node has shown to others",
                "the node gets its newest records from its peers: tocsin status"},
               [this] { wake(); });
  const std::lock_guard lock(alarm_mu);
  alarm = ahead.witness + " holds " + std::to_string(ahead.size) +
          " records of another history of this ledger" + (ahead.proven ? ", signed by this node" : "");
}

}  // namespace tocsin::node
