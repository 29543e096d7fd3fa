#include "node/daemon/node.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <map>
#include <mutex>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/base/encoding.h"
#include "crypto/hash.h"
#include "node/daemon/ledger_export.h"
#include "node/daemon/upkeep.h"
#include "node/http/admin_routes.h"
#include "node/http/log_routes.h"
#include "node/http/operations.h"
#include "node/http/quarantine_routes.h"
#include "node/http/server.h"
#include "node/http/witness_routes.h"
#include "node/identity/keystore.h"
#include "node/ledger/answers.h"
#include "node/ledger/changes.h"
#include "node/log/log.h"
#include "node/media/media_hasher.h"
#include "node/peer/feed_owner.h"
#include "node/peer/feed_service.h"
#include "node/peer/peer_port.h"
#include "node/peer/sync.h"
#include "node/runtime/asio_runtime.h"
#include "node/witness/outside.h"
#include "protocol/process/registry.h"
#include "storage/disk_room.h"

namespace tocsin::node {
namespace {

constexpr std::uint64_t kJoinPollMs = 1'000;
constexpr std::uint64_t kExpiryPollMs = 60'000;
constexpr std::uint64_t kIndexPollMs = 60'000;
// Anybody may connect to the read plane: what one address gets of it.
constexpr std::size_t kReadersPerAddressMax = 64;
constexpr std::size_t kReadersMax = 512;
constexpr std::uint64_t kHourMs = 3'600'000;
// Renewed while this much is left: a peer that is away for a while meets the new one before the old has
// ended.
constexpr std::uint64_t kRenewBeforeMs = 30ULL * 24 * 3600 * 1000;

std::string credentials_directory() {
  const char* directory = std::getenv("CREDENTIALS_DIRECTORY");
  return directory == nullptr ? "" : directory;
}

}  // namespace

struct Node::Parts {
  explicit Parts(const Config& c) : config(c), runtime(c.workers) {}

  const Config config;
  AsioRuntime runtime;
  Metrics metrics;
  std::mutex rotate_mu;  // one rotation of the keystore at a time
  std::mutex keys_mu;
  std::vector<std::unique_ptr<Keys>>
      keys;  // newest last; older envelope keys stay readable; guarded by keys_mu
  std::unique_ptr<storage::DiskRoom> room;
  std::unique_ptr<storage::Store> store;
  std::optional<Quarantined> quarantined;  // then nothing below but the router and the HTTP server is there
  std::unique_ptr<Ledger> ledger;
  std::unique_ptr<Members> members;
  std::unique_ptr<Signals> signals;
  std::unique_ptr<KnownLogs> known_logs;
  std::unique_ptr<Cosigner> cosigner;
  std::unique_ptr<OutsideWitnesses> outside;
  std::unique_ptr<Witnessed> witnessed;
  std::unique_ptr<WitnessCalls> witness_calls;
  std::mutex alarm_mu;
  std::string alarm;  // guarded by alarm_mu
  std::unique_ptr<LedgerExport> ledger_export;
  std::unique_ptr<MediaHasher> media;
  std::unique_ptr<Tokens> tokens;
  std::unique_ptr<FeedOwner> feed_owner;
  std::unique_ptr<FeedService> feed_service;
  std::unique_ptr<PeerPort> port;
  std::unique_ptr<Sync> sync;
  std::unique_ptr<Upkeep> upkeep;
  std::unique_ptr<AdminParts> admin;
  std::unique_ptr<Router> router;
  std::unique_ptr<HttpServer> http;
  std::unique_ptr<Router> read_router;
  std::unique_ptr<HttpServer> read_http;
  std::uint16_t peer_port = 0;
  std::uint16_t http_port = 0;
  std::uint16_t read_port = 0;
  std::atomic<bool> stopping{false};
  // Only the newest of the scheduled looks at the invitation counts.
  std::atomic<std::uint64_t> join_turn{0};

  struct Refusal {
    std::uint64_t at_ms = 0;
    std::string reason;
  };
  std::mutex refusals_mu;
  std::map<Hash, Refusal> refusals;  // of nodes with a peer row; guarded by refusals_mu
  std::string join_trouble;          // guarded by refusals_mu

  Status open();
  Status open_store();
  Status open_witnesses();
  void ask_to_cosign(const WitnessTarget& target, const std::string& body, Witnessed::Asked asked);
  void on_ahead(const Witnessed::Ahead& ahead);
  Status open_peers();
  Status open_http();
  Status open_read_plane();
  Status open_ledger();
  Status open_quarantined(Error why);
  void on_commit(const Ledger::Committed& committed);
  LinkVerdict judge(const PeerCertificate& peer);
  Result<v1::JoinReply> on_join(const v1::JoinRequest& request, const Hash& exporter);
  void schedule_join(std::uint64_t delay_ms);
  void poll_join();
  void send_join(const v1::JoinRow& row);
  void poll_expiry();
  void poll_hourly();
  void forget_old_answers();
  void renew_when_due();
  Result<v1::RotateReply> rotate(const std::string& which);
  const crypto::SigningKey& operational_key();
  void poll_index();
  protocol::ValidDescriptor descriptor();
  std::vector<const crypto::KemKey*> envelope_keys();
};

protocol::ValidDescriptor Node::Parts::descriptor() {
  std::lock_guard lock(keys_mu);
  return keys.back()->descriptor;
}

std::vector<const crypto::KemKey*> Node::Parts::envelope_keys() {
  std::lock_guard lock(keys_mu);
  std::vector<const crypto::KemKey*> out;
  for (auto it = keys.rbegin(); it != keys.rend(); ++it) out.push_back(&(*it)->envelope);
  if (keys.front()->previous_envelope) out.push_back(&*keys.front()->previous_envelope);
  return out;
}

Status Node::Parts::open_store() {
  TRY_ASSIGN(const KeystoreLock lock, read_keystore_lock(config.passphrase_file, credentials_directory()));
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
                         to_bytes(as_view(mine.descriptor.signed_form().SerializeAsString()))};
  TRY_ASSIGN(ledger, Ledger::open(*store, runtime, std::move(ledger_keys)));
  members = std::make_unique<Members>(*store, *ledger, runtime);
  signals = std::make_unique<Signals>(*store, *ledger, runtime, *members,
                                      MatchSettings{config.match_radius, config.quality_gate});
  TRY(signals->rebuild());
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

void Node::Parts::on_commit(const Ledger::Committed& committed) {
  signals->on_committed(committed);
  metrics.ledger_commits.add();
  metrics.ledger_size.set(static_cast<std::int64_t>(committed.head.tree.size));
  metrics.signals_matching.set(static_cast<std::int64_t>(signals->matching()));
  metrics.witness_cosigned.set(static_cast<std::int64_t>(cosigner ? cosigner->cosigned() : 0));
  if (witnessed && committed.from < committed.head.tree.size) witnessed->on_committed();
}

LinkVerdict Node::Parts::judge(const PeerCertificate& peer) {
  std::optional<Pin> pin;
  const auto row = members->row(peer.fingerprint);
  if (!row) return LinkVerdict::refuse(Code::kUnavailable, "this node cannot read its list of members now");
  std::uint64_t sequence = 0;
  if (*row) {
    if (const auto known = protocol::parse_descriptor((*row)->signed_descriptor())) {
      sequence = known->message().sequence();
      const v1::PeerStanding standing = (*row)->standing();
      if (standing == v1::PEER_ACTIVE || standing == v1::PEER_SUSPENDED)
        pin = Pin{sequence, standing == v1::PEER_SUSPENDED};
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

Status Node::Parts::open_witnesses() {
  const Keys& mine = *keys.front();
  TRY_ASSIGN(const auto log_key, protocol::make_verifier_key(ledger->origin(), protocol::KeyType::kEd25519,
                                                             mine.operational.public_key()));
  known_logs = std::make_unique<KnownLogs>(*members, runtime);
  cosigner = std::make_unique<Cosigner>(Cosigner::Parts{
      *store, *ledger, runtime, mine.cosigner.copy(), protocol::cosigner_name(mine.descriptor.name()),
      [this](std::string_view origin) { return known_logs->keys(origin); }});
  outside = std::make_unique<OutsideWitnesses>();
  witnessed = std::make_unique<Witnessed>(Witnessed::Parts{
      *store, *ledger, runtime, log_key, [this] { return known_logs->members_that_cosign(); },
      [this](const WitnessTarget& target, const std::string& body, Witnessed::Asked asked) {
        ask_to_cosign(target, body, std::move(asked));
      },
      [this](const Published& published) {
        metrics.ledger_published.set(static_cast<std::int64_t>(published.tree.size));
        if (feed_service && published.checkpoint) feed_service->moved_on(*published.checkpoint);
      },
      [this](const Witnessed::Ahead& ahead) { on_ahead(ahead); }});
  witness_calls.reset(new WitnessCalls{*ledger, *members, *witnessed, *cosigner, log_key,
                                       config.data_dir + "/witness.policy", [this] {
                                         const std::lock_guard lock(alarm_mu);
                                         return alarm;
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
  // A claim alone raises the alarm; our own signature under another history stops this one.
  if (ahead.proven)
    ledger->halt({Code::kFailedPrecondition,
                  "this ledger is another history than one that the node signed before; " + ahead.witness +
                      " holds the note",
                  "ledger/forked", "the data directory is older than what the node has shown to others",
                  "restore the newest copy of it; nothing more is signed until then"});
  const std::lock_guard lock(alarm_mu);
  alarm = ahead.witness + " holds " + std::to_string(ahead.size) +
          " records of another history of this ledger" + (ahead.proven ? ", signed by this node" : "");
}

Status Node::Parts::open_peers() {
  TRY(open_witnesses());
  feed_owner = std::make_unique<FeedOwner>(
      *ledger, runtime, *members, [this](std::uint64_t from) { return witnessed->published_for(from); });
  feed_service = std::make_unique<FeedService>(*ledger, *feed_owner, cosigner.get());
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
  // Before anybody sees the old certificate.
  renew_when_due();
  TRY_ASSIGN(peer_port, port->listen(config.listen));
  sync = std::make_unique<Sync>(
      Sync::Parts{*store, *ledger, runtime, *members,
                  [this](const protocol::ValidDescriptor& peer, Sync::Connected done) {
                    port->connect({peer.message().address(), peer.fingerprint()},
                                  [done = std::move(done)](Result<std::unique_ptr<PeerLink>> link) {
                                    if (!link) return done(tl::unexpected<Error>(std::move(link).error()));
                                    done(std::shared_ptr<PeerLink>(std::move(*link)));
                                  });
                  },
                  [this] { return envelope_keys(); }, &metrics});
  sync->start();
  TRY(witnessed->start());
  poll_join();
  poll_expiry();
  poll_hourly();
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

void Node::Parts::poll_expiry() {
  if (stopping) return;
  if (auto append = signals->expire(); append && !append->drafts.empty())
    ledger->append(std::move(*append), [](const Result<Appended>& done) {
      if (!done) log_failure(LogLevel::kWarning, "signals.expire_failed", done.error());
    });
  runtime.after(kExpiryPollMs, Lane::kWorkers, [this] { poll_expiry(); });
}

// What a node does once an hour; the descriptor lives for 90 days, whoever forgets `tocsin key rotate`.
void Node::Parts::poll_hourly() {
  if (stopping) return;
  forget_old_answers();
  renew_when_due();
  runtime.after(kHourMs, Lane::kWorkers, [this] { poll_hourly(); });
}

void Node::Parts::forget_old_answers() {
  auto append = forget_answers(*store, runtime.now_ms());
  if (!append) return log_failure(LogLevel::kWarning, "ledger.forget_failed", append.error());
  if (!*append) return;
  ledger->append(std::move(**append), [this](const Result<Appended>& done) {
    if (!done) return log_failure(LogLevel::kWarning, "ledger.forget_failed", done.error());
    runtime.post(Lane::kWorkers, [this] { forget_old_answers(); });
  });
}

void Node::Parts::renew_when_due() {
  const auto mine = descriptor();
  if (mine.message().valid_until_ms() > runtime.now_ms() + kRenewBeforeMs) return;
  const auto renewed = rotate("tls");
  if (!renewed) return log_failure(LogLevel::kError, "node.renewal_failed", renewed.error());
  log_event(LogLevel::kInfo, "node.renewed", {{"descriptor", renewed->descriptor_sequence()}});
}

Result<v1::RotateReply> Node::Parts::rotate(const std::string& which) {
  if (which != "tls" && which != "envelope")
    return fail(Error{Code::kInvalidArgument,
                      "\"" + which + "\" cannot be rotated",
                      "key/unknown",
                      {},
                      "tocsin key rotate tls, or envelope"});
  const std::lock_guard one(rotate_mu);
  TRY_ASSIGN(const KeystoreLock lock, read_keystore_lock(config.passphrase_file, credentials_directory()));
  const Rotation rotation{config.data_dir, runtime.now_ms()};
  TRY_ASSIGN(Keys rotated, which == "tls" ? rotate_tls(rotation, lock) : rotate_envelope(rotation, lock));
  v1::RotateReply reply;
  reply.set_descriptor_sequence(rotated.descriptor.message().sequence());
  TRY(port->set_identity(rotated.tls));
  std::lock_guard guard(keys_mu);
  keys.push_back(std::make_unique<Keys>(std::move(rotated)));
  return reply;
}

// Of keys that were replaced the newest is in force; the older ones only open what was sealed to them.
const crypto::SigningKey& Node::Parts::operational_key() {
  std::lock_guard guard(keys_mu);
  return keys.back()->operational;
}

void Node::Parts::poll_index() {
  if (stopping) return;
  const std::uint64_t every_ms = config.index_hours * std::uint64_t{3'600'000};
  if (const Status kept = ledger_export->keep_index(runtime.now_ms(), every_ms); !kept)
    log_failure(LogLevel::kWarning, "ledger.index_failed", kept.error());
  runtime.after(kIndexPollMs, Lane::kWorkers, [this] { poll_index(); });
}

Status Node::Parts::open_http() {
  TRY_ASSIGN(media, MediaHasher::make(
                        {config.media_worker.empty() ? MediaHasher::default_worker() : config.media_worker}));
  TRY_ASSIGN(tokens, Tokens::open(config.token_file_path()));
  admin.reset(new AdminParts{
      *ledger, runtime, *store, *members, *signals, *media, *tokens, metrics, [this] { return descriptor(); },
      [this](const Hash& peer) {
        const Sync::PeerStatus status = sync->status(peer);
        const std::lock_guard lock(refusals_mu);
        const Refusal& refusal = refusals[peer];
        return PeerProgress{status.connected,  status.held,   status.head_size, status.last_sync_ms,
                            status.last_error, refusal.at_ms, refusal.reason};
      },
      [this](const Hash& peer) { port->drop(peer); }, [this] { schedule_join(0); },
      [this] {
        const std::lock_guard lock(refusals_mu);
        return join_trouble;
      },
      [this](const std::string& key) { return rotate(key); },
      [this](const v1::ExportRequest& request) { return ledger_export->run(request); },
      [this](const v1::BackupRequest& request) { return upkeep->backup(request); },
      [this] { return upkeep->fsck(); }, [this] { return node::witnessing(*witness_calls); }});
  upkeep = std::make_unique<Upkeep>(
      Upkeep::Parts{config, *store, *ledger, runtime, metrics, [this] { return descriptor(); }});
  upkeep->start_scrub();
  router = std::make_unique<Router>(tokens.get());
  add_operations_routes(*router, metrics, [this]() -> Status {
    if (store->broken())
      return fail(Code::kUnavailable,
                  "a write to the store failed: nothing is taken until the node is restarted",
                  "storage/broken");
    const std::lock_guard lock(alarm_mu);
    if (!alarm.empty()) return fail(Code::kFailedPrecondition, alarm, "ledger/forked");
    return room->health();
  });
  add_admin_routes(*router, *admin);
  add_witness_calls(*router, *witness_calls);
  add_api_routes(*router, *admin);
  http = std::make_unique<HttpServer>(runtime, *router, metrics);
  if (!config.http_listen.empty()) {
    TRY_ASSIGN(http_port, http->listen_tcp(config.http_listen));
  }
  return http->listen_unix(config.admin_socket_path());
}

Status Node::Parts::open() {
  TRY(open_store());
  if (const Status opened = open_ledger(); !opened) {
    const bool damaged = opened.error().code == Code::kDataLoss;
    return damaged || store->quarantine() ? open_quarantined(opened.error()) : opened;
  }
  TRY(open_peers());
  TRY(open_read_plane());
  return open_http();
}

// The node stays up so that its operator is told, and does nothing else.
Status Node::Parts::open_quarantined(Error why) {
  log_failure(LogLevel::kError, "node.quarantined", why);
  const auto head = store->head();
  quarantined.emplace(
      Quarantined{std::move(why), head ? head->size : 0, [this] { return descriptor(); }, runtime});
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

Status Node::Parts::open_read_plane() {
  if (config.read_listen.empty()) return {};
  read_router = std::make_unique<Router>(nullptr);
  add_log_routes(*read_router, {ledger->log(), [this] { return witnessed->published(); }, config.read_prefix,
                                hex_encode(ByteView(ledger->self()).first(8))});
  add_witness_route(*read_router, *cosigner, config.read_prefix);
  HttpLimits limits;
  limits.connections_max = kReadersMax;
  limits.connections_per_address_max = kReadersPerAddressMax;
  limits.requests_per_s_max = config.read_rate;
  read_http = std::make_unique<HttpServer>(runtime, *read_router, metrics, limits);
  TRY_ASSIGN(read_port, read_http->listen_tcp(config.read_listen));
  return {};
}

Node::Node(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

Result<std::unique_ptr<Node>> Node::open(const Config& config) {
  std::unique_ptr<Node> node(new Node(std::make_unique<Parts>(config)));
  TRY(node->parts_->open());
  if (node->parts_->quarantined) return node;
  log_event(LogLevel::kInfo, "node.serving",
            {{"name", node->parts_->descriptor().name()},
             {"peer_port", node->peer_port()},
             {"http_port", node->http_port()},
             {"read_port", node->read_port()},
             {"ledger", node->parts_->ledger->size()}});
  return node;
}

Node::~Node() {
  stop();
}

std::uint16_t Node::peer_port() const {
  return parts_->peer_port;
}
std::uint16_t Node::http_port() const {
  return parts_->http_port;
}
std::uint16_t Node::read_port() const {
  return parts_->read_port;
}

// No new work from people, then none from peers; the runtime finishes what reached the sequencer.
void Node::stop() {
  if (parts_->stopping.exchange(true)) return;
  if (parts_->http) parts_->http->stop();
  if (parts_->read_http) parts_->read_http->stop();
  if (parts_->upkeep) parts_->upkeep->stop();
  if (parts_->witnessed) parts_->witnessed->stop();
  if (parts_->outside) parts_->outside->stop();
  if (parts_->sync) parts_->sync->stop();
  if (parts_->port) parts_->port->stop();
  parts_->runtime.stop();
}

}  // namespace tocsin::node
