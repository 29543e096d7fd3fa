#include "tests/simulation/network.h"

#include "crypto/hash.h"
#include "protocol/log/checkpoint.h"
#include "protocol/log/note.h"
#include "protocol/process/registry.h"

namespace tocsin::simulation {
namespace {

constexpr std::uint64_t kCallTimeoutMs = 5'000;

Secret<32> seed_of(std::string_view what, std::size_t number) {
  Bytes bytes = to_bytes(as_view(what));
  bytes.push_back(static_cast<std::uint8_t>(number));
  return Secret<32>(crypto::sha256(bytes));
}

// A conversation from one life of `from` to whatever life `to` is in when a message arrives.
class SimLink : public node::PeerLink, public std::enable_shared_from_this<SimLink> {
 public:
  SimLink(SimNetwork& network, SimNode& from, SimNode& to)
      : network_(network), from_(from), to_(to), life_(from.machine.life()) {}

  void hello(const v1::HelloRequest& request, Done<v1::HelloReply> done) override {
    call<v1::HelloReply>(
        [request](node::FeedService& service, const Hash& caller) { return service.hello(caller, request); },
        std::move(done));
  }
  void records(const v1::RecordsRequest& request, Done<v1::RecordsReply> done) override {
    call<v1::RecordsReply>([request](node::FeedService& service,
                                     const Hash& caller) { return service.records(caller, request); },
                           std::move(done));
  }
  void cosign(const v1::CosignRequest& request, Done<v1::CosignReply> done) override {
    auto self = shared_from_this();
    network_.world().after(
        network_.delay(), Machine::in(to_.machine.life(), [self, request, done] {
          if (!self->to_.up()) return;
          self->to_.service->cosign(
              self->from_.descriptor->fingerprint(), request, [self, done](Result<v1::CosignReply> reply) {
                self->network_.world().after(
                    self->network_.delay(),
                    Machine::in(self->life_, [done, reply = std::move(reply)] { done(reply); }));
              });
        }));
  }
  void held(const v1::HeldRequest& request, Done<v1::HeldReply> done) override {
    call<v1::HeldReply>(
        [request](node::FeedService& service, const Hash& caller) { return service.held(caller, request); },
        std::move(done));
  }
  void watch(OnHead on_head, OnEnd on_end) override {
    if (!to_.up()) return on_end(Error{Code::kUnavailable, "the peer is down", {}, {}, {}});
    auto self = shared_from_this();
    auto arrive = [self, on_head](const v1::HeadNotice& notice) {
      self->sent(as_view(notice.checkpoint()));
      for (int copies = self->network_.doubled() ? 2 : 1; copies > 0; --copies) {
        if (self->network_.lost(self->from_.number, self->to_.number) || !self->shown()) continue;
        self->network_.world().after(self->network_.delay(),
                                     Machine::in(self->life_, [self, on_head, notice] {
                                       if (!self->closed_) on_head(notice);
                                     }));
      }
    };
    to_.service->add_watcher(from_.descriptor->fingerprint(), arrive);
  }
  void close() override { closed_ = true; }

 private:
  // Not when it has two faces now, and another one for us.
  bool shown() const { return network_.find_for(from_, to_.descriptor->fingerprint()) == &to_; }
  template <typename Reply>
  void call(std::function<Result<Reply>(node::FeedService&, const Hash&)> handler, Done<Reply> done) {
    auto self = shared_from_this();
    auto answered = std::make_shared<bool>(false);
    auto finish = [self, answered, done = std::move(done)](Result<Reply> reply) {
      if (std::exchange(*answered, true)) return;
      done(std::move(reply));
    };
    World& world = network_.world();
    world.after(kCallTimeoutMs, Machine::in(life_, [finish] {
                  finish(fail(Code::kDeadlineExceeded, "the peer did not answer"));
                }));
    for (int copies = network_.doubled() ? 2 : 1; copies > 0; --copies) {
      if (network_.lost(from_.number, to_.number)) continue;
      world.after(network_.delay(), [self, handler, finish] {
        if (!self->to_.up() || !self->shown()) return;
        auto reply = std::make_shared<Result<Reply>>(
            handler(*self->to_.service, self->from_.descriptor->fingerprint()));
        if constexpr (std::is_same_v<Reply, v1::HeldReply>) {
          if (*reply && self->network_.forged()) self->flip(*(*reply)->mutable_leaves());
        } else if (*reply) {
          self->sent(as_view((*reply)->checkpoint()));
          if constexpr (std::is_same_v<Reply, v1::RecordsReply>)
            if (self->network_.forged()) self->forge(**reply);
        }
        if (self->network_.lost(self->from_.number, self->to_.number)) return;
        self->network_.world().after(self->network_.delay(),
                                     Machine::in(self->life_, [finish, reply] { finish(*reply); }));
      });
    }
  }

  void sent(ByteView head) {
    ++network_.faults().messages;
    network_.watch().told(to_);
    network_.world().mark(from_.number * 16 + to_.number);
    network_.world().mark(head);
  }
  void flip(std::string& bytes) {
    World& world = network_.world();
    if (!bytes.empty()) bytes[world.below(bytes.size())] ^= static_cast<char>(1 << world.below(8));
  }
  // Somebody in between, or the peer itself, sends what the issuer's ledger does not say.
  void forge(v1::RecordsReply& reply) {
    World& world = network_.world();
    switch (world.below(5)) {
      case 0:
        return flip(*reply.mutable_leaves());
      case 1: {  // the signature alone: base64 at the note's end
        std::string& note = *reply.mutable_checkpoint();
        if (note.size() > 24) note[note.size() - 24] = note[note.size() - 24] == 'A' ? 'B' : 'A';
        return;
      }
      case 2: {  // one record less
        std::string& leaves = *reply.mutable_leaves();
        leaves.erase(leaves.size() - std::min(leaves.size(), protocol::kLeafBytes));
        return;
      }
      case 3: {  // two records in each other's places
        std::string& leaves = *reply.mutable_leaves();
        if (leaves.size() >= 2 * protocol::kLeafBytes)
          std::rotate(leaves.begin(), leaves.begin() + protocol::kLeafBytes,
                      leaves.begin() + 2 * protocol::kLeafBytes);
        return;
      }
      default:
        return flip(*reply.mutable_page()->mutable_sealed());
    }
  }

  SimNetwork& network_;
  SimNode& from_;
  SimNode& to_;
  const Machine::Life life_;  // of from_
  bool closed_ = false;
};

}  // namespace

SimNode::SimNode(SimNetwork& net, World& world, std::size_t n)
    : network(net),
      machine(world),
      number(n),
      name("node" + std::to_string(n) + ".example"),
      root(crypto::SigningKey::from_seed(seed_of("root", n))),
      operational(crypto::SigningKey::from_seed(seed_of("operational", n))),
      reviewer(crypto::SigningKey::from_seed(seed_of("reviewer", n))),
      second_reviewer(crypto::SigningKey::from_seed(seed_of("second", n))),
      envelope(crypto::KemKey::derive(seed_of("envelope", n).expose())),
      disk(world),
      // Half of the nodes flush and compact all the time, the others never. By the log's size alone: how much
      // memory RocksDB's tables take is not the same from run to run.
      wal_bytes(world.chance(50) ? (std::uint64_t{16} << 10) << world.below(4) : std::uint64_t{128} << 20) {
  v1::NodeDescriptor plain;
  plain.set_name(name);
  plain.set_address("127.0.0.1:" + std::to_string(7000 + n));
  plain.set_root_key(to_string(root.public_key()));
  plain.set_operational_key(to_string(operational.public_key()));
  plain.set_envelope_key(to_string(envelope.public_key()));
  plain.set_tls_spki_sha256(std::string(32, static_cast<char>(n + 1)));
  plain.set_log_origin(name + "/tocsin");
  plain.set_sequence(1);
  plain.set_valid_from_ms(world.now_ms() - 1000);
  plain.set_valid_until_ms(world.now_ms() + 90ULL * 24 * 3600 * 1000);
  auto signed_form = protocol::sign_descriptor(plain, root);
  CHECK_INVARIANT(signed_form.has_value());
  auto valid = protocol::parse_descriptor(*signed_form);
  CHECK_INVARIANT(valid.has_value());
  descriptor = std::make_unique<protocol::ValidDescriptor>(std::move(*valid));
}

SimNode::~SimNode() {
  crash(false);
}

bool SimNode::start() {
  const Status opened = open();
  if (opened && !disk.frozen()) return true;
  // A store or a ledger that does not open is right only when the disk has failed under it.
  if (!disk.frozen())
    network.watch().complain(*this, "I1: the node does not start again: " + opened.error().message);
  crash(true);
  return false;
}

Status SimNode::open() {
  storage::StoreOptions options;
  options.env = disk.env();
  options.wal_bytes = wal_bytes;
  options.cache_bytes = 1 << 20;
  options.anchor_bytes = 256 << 10;
  TRY_ASSIGN(store, storage::Store::open("/store", options));
  if (store->quarantine()) return open_repair();
  node::LedgerKeys keys{
      operational.copy(),        seed_of("chain", number),
      seed_of("kek", number),    descriptor->message().log_origin(),
      descriptor->fingerprint(), to_bytes(as_view(descriptor->signed_form().SerializeAsString()))};
  TRY_ASSIGN(ledger, node::Ledger::open(*store, machine, std::move(keys)));
  ledger->hand_over_from(1);
  members = std::make_unique<node::Members>(*store, *ledger, machine);
  signals = std::make_unique<node::Signals>(*store, *ledger, machine, *members, node::MatchSettings{});
  TRY(signals->rebuild());
  node::Gossip::Parts told{*store, *ledger, machine, *members, [this] {
                             const node::LedgerHead head = ledger->head();
                             return node::Published{head.tree, head.checkpoint};
                           }};
  told.forked = [this](const node::Gossip::OwnConflict& conflict) {
    if (!lies)
      network.watch().complain(*this, "I2: " + conflict.holder + " has another history of its ledger");
  };
  gossip = std::make_unique<node::Gossip>(std::move(told));
  owner = std::make_unique<node::FeedOwner>(*ledger, machine, *members);
  kept = std::make_unique<node::KeptLedgers>(*store, machine, descriptor->fingerprint());
  service = std::make_unique<node::FeedService>(*ledger, *owner, nullptr, kept.get(),
                                                mute ? nullptr : gossip.get());
  ledger->set_listener([this](const node::Ledger::Committed& committed) {
    signals->on_committed(committed);
    network.watch().committed(*this, committed);
    if (committed.from < committed.head.tree.size) service->moved_on(*committed.head.checkpoint);
  });
  network.watch().recovered(*this);
  sync = std::make_unique<node::Sync>(
      node::Sync::Parts{*store, *ledger, machine, *members, connector(),
                        [this] { return std::vector<const crypto::KemKey*>{&envelope}; }, nullptr,
                        mute ? nullptr : gossip.get()});
  TRY(gossip->start());
  sync->start();
  disk.work();
  return {};
}

std::function<void(const protocol::ValidDescriptor&, node::Sync::Connected)> SimNode::connector() {
  return [this](const protocol::ValidDescriptor& peer, node::Sync::Connected done) {
    SimNode* to = network.find_for(*this, peer.fingerprint());
    if (to == nullptr || !to->up() || network.lost(number, to->number))
      return done(fail(Code::kUnavailable, "the peer is not reachable"));
    done(std::shared_ptr<node::PeerLink>(std::make_shared<SimLink>(network, *this, *to)));
  };
}

// As the daemon does: it asks its peers, and is opened again when the store is whole.
Status SimNode::open_repair() {
  sealer = std::make_unique<node::RecordSealer>(seed_of("kek", number), seed_of("chain", number));
  repair = std::make_unique<node::Repair>(
      node::Repair::Parts{*store, machine, *sealer, operational, descriptor->message().log_origin(),
                          descriptor->fingerprint(), connector(), [this](node::Repair::Stage stage) {
                            if (stage == node::Repair::Stage::kDone)
                              ++network.faults().repaired;
                            else if (stage != node::Repair::Stage::kFailed)
                              return;
                            machine.post(node::Lane::kIo, [this] {
                              crash(false);
                              start();
                            });
                          }});
  repair->start();
  disk.work();
  return {};
}

void SimNode::put_back(const Disk::Image& image) {
  ++network.faults().restored;
  disk.put_back(image);
  const std::uint64_t bound = network.watch().put_back(*this);
  // An answer may carry a later head than its own commit's: whatever only the lost disk knew is lost with it.
  std::erase_if(promises, [&](const Promise& promise) {
    const auto note = protocol::parse_note(promise.checkpoint);
    const auto checkpoint = note ? protocol::parse_checkpoint(note->text)
                                 : Result<protocol::Checkpoint>(fail(Code::kDataLoss, "no note"));
    return promise.size > bound || (checkpoint && checkpoint->tree.size > bound);
  });
}

void SimNode::crash(bool power) {
  disk.freeze();
  machine.crash();
  repair.reset();
  sealer.reset();
  sync.reset();
  service.reset();
  kept.reset();
  owner.reset();
  gossip.reset();
  signals.reset();
  members.reset();
  ledger.reset();
  store.reset();
  disk.thaw(power);
}

void SimNode::append(node::Append what, std::function<void(Result<node::Appended>)> then) {
  ledger->append(std::move(what), [this, then = std::move(then)](Result<node::Appended> done) {
    if (done) {
      network.watch().acknowledged(*this, *done);
      promises.push_back({done->first_index + done->count, *done->checkpoint});
    }
    if (then) then(std::move(done));
  });
}

SimNetwork::SimNetwork(World& world, std::size_t count) : world_(world), watch_(*this) {
  for (std::size_t i = 0; i < count; ++i) nodes_.push_back(std::make_unique<SimNode>(*this, world, i));
  for (auto& one : nodes_) {
    const bool started = one->start();
    CHECK_INVARIANT(started || !std::fprintf(stderr, "%s\n", watch_.wrong().front().c_str()));
  }
  world_.set_after_each([this] { after_each(); });
}

void SimNetwork::after_each() {
  if (second_face_) second_face_->disk.work();
  for (auto& one : nodes_) {
    one->disk.work();
    if (!one->running() || !one->disk.frozen()) continue;
    ++counted_.power_cuts;
    one->crash(true);
  }
}

SimNode* SimNetwork::find_for(const SimNode& from, const Hash& fingerprint) {
  SimNode* to = find(fingerprint);
  if (to == nullptr || !second_face_) return to;
  // A face talks to those it is shown to, and to nobody else.
  if (from.number == second_face_->number)
    return sees_second_face(to->number) == (&from == second_face_.get()) ? to : nullptr;
  return to->number == second_face_->number && sees_second_face(from.number) ? second_face_.get() : to;
}

void SimNetwork::give_two_faces(std::size_t number) {
  SimNode& first = *nodes_[number];
  if (first.up()) first.crash(false);
  watch_.leave_out(number);
  for (std::size_t i = 0; i < nodes_.size(); ++i)
    if (i != number && (world_.chance(50) || i == (number + 1) % nodes_.size())) sees_second_.insert(i);
  sees_second_.erase((number + 2) % nodes_.size());  // each face is seen by somebody
  second_face_ = std::make_unique<SimNode>(*this, world_, number);
  second_face_->descriptor = std::make_unique<protocol::ValidDescriptor>(*first.descriptor);
  second_face_->disk.copy_of(first.disk);
  second_face_->joined = true;
  const bool mute = world_.chance(50);
  for (SimNode* face : {&first, second_face_.get()}) {
    face->lies = true;
    face->mute = mute;
    CHECK_INVARIANT(face->start());
  }
}

SimNode* SimNetwork::find(const Hash& fingerprint) {
  for (auto& one : nodes_)
    if (one->descriptor->fingerprint() == fingerprint) return one.get();
  return nullptr;
}

}  // namespace tocsin::simulation
