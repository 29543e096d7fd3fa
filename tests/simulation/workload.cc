#include "tests/simulation/workload.h"

#include <map>

#include "crypto/base/encoding.h"
#include "protocol/identity/ids.h"
#include "protocol/process/attestation.h"
#include "protocol/process/registry.h"
#include "protocol/signal/indicator.h"
#include "storage/peer_store.h"
#include "storage/signal_store.h"
#include "tocsin/v1/store.pb.h"

namespace tocsin::simulation {
namespace {

using protocol::Event;
using protocol::SlotType;

constexpr std::uint64_t kSecond = 1'000;
constexpr std::uint64_t kDay = 24ULL * 3600 * kSecond;
constexpr std::size_t kSteps = 60;

class Workload {
 public:
  Workload(SimNetwork& network, bool restore)
      : network_(network), world_(network.world()), restore_(restore) {}

  Done run() {
    form();
    const std::size_t late = 5 + world_.below(40);  // when the last node joins
    const std::size_t backup = restore_ ? late + world_.below(kSteps - late - 5) : kSteps;
    const std::size_t lost = backup + 1 + world_.below(kSteps - std::min(backup, kSteps - 1));
    for (std::size_t i = 0; i < kSteps; ++i) {
      if (i >= late && !nodes().back()->joined) join_late();
      if (i >= backup && !image_) back_up();
      if (i >= lost && image_ && !image_->put_back) put_back();
      step();
      world_.run(world_.now_ms() + world_.below(4 * kSecond));
    }
    if (image_ && !image_->put_back) put_back();
    settle();
    return done_;
  }

  Exposure run_two_faces() {
    form();
    while (!nodes().back()->joined) join_late();
    for (std::size_t i = 0; i < 4; ++i) {
      if (SimNode* at = any_up()) submit_and_publish(*at);
      world_.run(world_.now_ms() + world_.below(10 * kSecond));
    }
    const std::size_t liar = world_.below(nodes().size());
    submit_and_publish(node(liar));
    world_.run(world_.now_ms() + 20 * kSecond);
    network_.give_two_faces(liar);
    Exposure out;
    lie(liar, out);
    if (out.all_ms != 0) aftermath(liar, out);
    return out;
  }

 private:
  using Effect = std::function<void(const node::Appended&)>;
  // An append with a key, which its sender may send again when it has no answer, or does not trust it.
  struct Keyed {
    std::size_t node = 0;
    node::Append append;
    Effect effect;
    std::optional<node::Appended> answer;
  };

  // A backup of one node.
  struct Backup {
    std::size_t node = 0;
    Disk::Image image;
    bool put_back = false;
  };

  // Once everybody has joined: a node that knows no member has nobody to ask.
  void back_up() {
    SimNode* at = nodes().back()->joined ? any_up() : nullptr;
    if (at != nullptr && at->well()) image_.emplace(Backup{at->number, at->disk.image(), false});
  }

  void put_back() {
    SimNode& at = node(image_->node);
    if (at.running()) at.crash(true);
    at.put_back(image_->image);
    image_->put_back = true;
    // What only the lost disk knew of is not promised any more.
    const std::uint64_t kept = network_.watch().bound_of(at.number);
    std::erase_if(keyed_, [&](const Keyed& keyed) { return keyed.node == at.number; });
    for (auto& [signal, index] : ended_)
      if (index.first == at.number && index.second >= kept) done_.retracted.erase(signal);
    for (const auto& [signal, index] : out_)
      if (index.first == at.number && index.second >= kept) done_.published.erase(signal);
    if (world_.chance(50)) at.start();
  }

  std::vector<std::unique_ptr<SimNode>>& nodes() { return network_.nodes(); }
  SimNode& node(std::size_t i) { return *nodes()[i]; }

  // Waits in virtual time. Empty: no answer came, the node died of it.
  std::optional<Result<node::Appended>> send(SimNode& at, node::Append append) {
    auto outcome = std::make_shared<std::optional<Result<node::Appended>>>();
    const Machine::Life life = at.machine.life();
    at.append(std::move(append), [outcome](Result<node::Appended> r) { *outcome = std::move(r); });
    world_.run(world_.now_ms() + 60 * kSecond, [&] { return outcome->has_value() || life.expired(); });
    return std::move(*outcome);
  }

  // `effect` is what is true once the append is acknowledged: now, or when it is sent again.
  bool commit(SimNode& at, Result<node::Append> append, const Effect& effect = nullptr) {
    if (!append || !at.up()) return false;
    const bool keyed = !append->effects && world_.chance(30);
    if (keyed) {
      append->key.emplace();
      world_.fill(*append->key);
      keyed_.push_back({at.number, *append, effect, {}});
    }
    const auto answer = send(at, std::move(*append));
    const bool done = answer && *answer;
    if (keyed && done) keyed_.back().answer = **answer;
    if (keyed && answer && !*answer && at.well()) keyed_.pop_back();  // refused by a rule
    if (done && effect) effect(**answer);
    return done;
  }

  void repeat() {
    if (keyed_.empty()) return;
    Keyed& again = keyed_[world_.below(keyed_.size())];
    SimNode& at = node(again.node);
    if (!at.well()) return;
    ++done_.repeated;
    const auto answer = send(at, again.append);
    if (!answer || !at.well()) return;
    if (!again.answer) {
      if (!*answer) return;  // it was never there, and what happened since speaks against it
      again.answer = **answer;
      if (again.effect) again.effect(*again.answer);
    } else if (!*answer || (*answer)->first_index != again.answer->first_index ||
               (*answer)->count != again.answer->count) {
      network_.watch().complain(at, "I12: an append sent again under its key has another effect");
    }
  }

  void form() {
    add_person(node(0));
    CHECK_INVARIANT(commit(node(0), node(0).members->create_network("sim", "be fair")));
    node(0).joined = true;
    for (std::size_t i = 1; i + 1 < nodes().size(); ++i) join(node(i));
  }

  // Behind the others: it catches up from the beginning, retractions and all.
  void join_late() {
    SimNode& who = *nodes().back();
    if (!who.well() || !node(0).well()) return;
    who.disk.spare();  // people stand beside it: joining is not what is tested here
    node(0).disk.spare();
    join(who);
  }

  // Each face goes on in its own way, and those who see it have their own troubles.
  void lie(std::size_t liar, Exposure& out) {
    SimNode* const faces[] = {&node(liar), network_.second_face()};
    const Hash id = faces[0]->descriptor->fingerprint();
    const bool both_go_on = world_.chance(60);
    for (SimNode* face : faces) submit_and_publish(*face);
    const std::uint64_t began = world_.now_ms();
    const auto since = [&] { return std::max<std::uint64_t>(1, world_.now_ms() - began); };
    const auto all = [&] {
      bool every = true;
      for (auto& one : nodes()) {
        if (one->number == liar) continue;
        const bool exposed = one->up() && one->ledger->registry()->quarantined(id);
        if (exposed && out.first_ms == 0) out.first_ms = since();
        every = every && exposed;
      }
      return every;
    };
    while (world_.now_ms() < began + kExposureMs) {
      world_.run(std::min(began + kExposureMs, world_.now_ms() + 1 + world_.below(20 * kSecond)), all);
      if (all()) {
        out.all_ms = since();
        return;
      }
      if (world_.now_ms() > began + kExposureMs / 4) {  // whoever is parted or down is back by then
        network_.mend_partitions();
        revive_all(liar);
      } else {
        trouble(liar, both_go_on ? faces[world_.below(2)] : faces[0]);
      }
    }
  }

  void trouble(std::size_t liar, SimNode* face) {
    const std::uint64_t what = world_.below(100);
    SimNode& at = node(world_.below(nodes().size()));
    if (what < 30 && face->well()) return submit_and_publish(*face);
    if (what < 45) return network_.part(world_.below(nodes().size()), world_.below(nodes().size()));
    if (at.number == liar) return;
    if (what < 60 && at.well()) return submit_and_publish(at);
    if (what < 75 && at.up()) return hurt(at, world_.below(100));
    if (what < 85) network_.mend_partitions();
    revive_all(liar);
  }

  void revive_all(std::size_t liar) {
    for (auto& one : nodes()) {
      if (one->number == liar || one->well()) continue;
      if (one->up()) one->crash(true);
      one->start();
    }
  }

  // Nothing more of it is taken, nothing of it matches, nobody else is accused.
  void aftermath(std::size_t liar, Exposure& out) {
    const Hash id = node(liar).descriptor->fingerprint();
    const auto held = [&](SimNode& at) {
      const auto cursor = storage::PeerStore(*at.store).cursor(id);
      return cursor ? cursor->range() : std::string("unread");
    };
    std::map<std::size_t, std::string> before;
    for (auto& one : nodes())
      if (one->number != liar && one->up()) before[one->number] = held(*one);
    for (SimNode* face : {&node(liar), network_.second_face()})
      if (face->well()) submit_and_publish(*face);
    world_.run(world_.now_ms() + 60 * kSecond);
    const auto complain = [&](const SimNode& at, const char* what) {
      out.wrong.push_back(at.name + ": I21: " + what);
    };
    for (auto& one : nodes()) {
      if (one->number == liar || !one->up()) continue;
      if (before.contains(one->number) && held(*one) != before[one->number])
        complain(*one, "it took more of a node in quarantine");
      for (const auto& proven : one->ledger->registry()->equivocations())
        if (proven.what.issuer != id) complain(*one, "it accuses an honest node");
      for (const auto& [signal, who] : done_.published) {
        const auto value = storage::SignalStore(*one->store).get(*fixed<32>(as_view(signal), "id"));
        if (who == liar && value && *value && !(*value)->indicator().empty() &&
            matches(*one, (*value)->indicator()))
          complain(*one, "a signal of a node in quarantine matches");
      }
    }
    for (const std::string& line : network_.watch().wrong()) out.wrong.push_back(line);
  }

  void settle() {
    network_.heal();
    for (auto& one : nodes()) {
      one->disk.spare();
      if (!one->well()) {
        if (one->running()) one->crash(true);
        if (!one->start()) return;  // and said why
      }
    }
    if (!nodes().back()->joined) join_late();
    // The longest retry delay, twice, and the longest poll: whoever is honest has caught up by then.
    world_.run(world_.now_ms() + 150 * kSecond);
    for (auto& one : nodes()) {
      if (one->up()) continue;
      network_.watch().complain(*one, "I8: still in quarantine: " +
                                          (one->repair ? one->repair->report().waiting_for : "it is down"));
      return;
    }
    done_.settled = true;
  }

  void join(SimNode& who) {
    SimNode& coordinator = node(0);
    add_person(who);
    auto invited = coordinator.members->invite(who.name, 3600 * kSecond, *coordinator.descriptor);
    CHECK_INVARIANT(invited.has_value());
    commit(coordinator, std::move(invited->append));
    commit(who, who.members->follow(invited->invitation, 2));
    v1::JoinRequest request;
    *request.mutable_signed_descriptor() = who.descriptor->signed_form();
    const ByteView secret = as_view(invited->invitation.secret());
    const FixedBytes<32> exporter{};
    request.set_invitation_id(to_string(protocol::invitation_id(secret)));
    request.set_proof(
        to_string(protocol::join_proof(secret, exporter, as_view(who.descriptor->signed_form().body()))));
    auto candidate = coordinator.members->on_join(request, exporter);
    CHECK_INVARIANT(candidate.append.has_value());
    commit(coordinator, std::move(*candidate.append));
    commit(coordinator, coordinator.members->accept(who.name, who.descriptor->fingerprint(), 2));
    candidate = coordinator.members->on_join(request, exporter);
    CHECK_INVARIANT(candidate.reply.state() == v1::JoinReply::ACTIVE);
    const auto row = who.members->following();
    CHECK_INVARIANT(row && *row);
    commit(who, who.members->answered(**row, candidate.reply, *coordinator.descriptor));
    who.joined = true;
  }

  void add_person(SimNode& at) {
    node::Draft draft;
    draft.event = Event::kKeyAdded;
    draft.slots = {protocol::slot_bytes(0, SlotType::kKey, at.reviewer.public_key()),
                   protocol::slot_number(1, SlotType::kEnum, 2), protocol::slot_text(2, "r-" + at.name),
                   protocol::slot_number(3, SlotType::kTime, world_.now_ms()),
                   protocol::slot_number(4, SlotType::kTime, world_.now_ms() + 80 * kDay)};
    node::Append append;
    append.drafts.push_back(std::move(draft));
    CHECK_INVARIANT(commit(at, std::move(append)));
  }

  SimNode* any_up() {
    const std::size_t first = world_.below(nodes().size());
    for (std::size_t i = 0; i < nodes().size(); ++i)
      if (SimNode& one = node((first + i) % nodes().size()); one.up() && one.joined) return &one;
    return nullptr;
  }

  void step() {
    SimNode* at = any_up();
    if (at == nullptr) return recover();
    const std::uint64_t what = world_.below(100);
    if (what < 33) return submit_and_publish(*at);
    if (what < 42) return retract(*at);
    if (what < 55) return receive(*at, Event::kOpinion);
    if (what < 63) return receive(*at, Event::kReceiverReviewed);
    if (what < 71) return network_.part(world_.below(nodes().size()), world_.below(nodes().size()));
    if (what < 88) return hurt(*at, what);
    if (what < 91) return repeat();
    if (what < 94) return revive(*at);
    recover();
  }

  void hurt(SimNode& at, std::uint64_t how) {
    Faults& faults = network_.faults();
    if (how < 79) {  // at rest: the process is killed, or the power goes
      ++faults.crashes;
      return at.crash(world_.chance(60));
    }
    if (how < 86) return at.disk.cut_power_after(1 + world_.below(60));  // in the middle of what it writes
    ++faults.write_errors;
    at.disk.fail_write_after(1 + world_.below(20));
  }

  void recover() {
    if (world_.chance(20)) network_.mend_partitions();
    for (auto& one : nodes()) {
      if (one->well() || !world_.chance(60)) continue;
      if (one->running() && !one->up() && world_.chance(70)) continue;  // its repair goes on
      if (one->running()) one->crash(true);  // its store refused a write: what the disk holds is unknown
      one->start();
    }
  }

  void submit_and_publish(SimNode& at) {
    v1::SubmitRequest request;
    const std::uint64_t count = 1 + world_.below(4);
    for (std::uint64_t i = 0; i < count; ++i) {
      v1::NewSignal& signal = *request.add_signals();
      FixedBytes<32> value;
      world_.fill(value);
      signal.set_type("sha256");
      signal.set_value(hex_encode(value));
      signal.add_labels("tvec:propaganda");
    }
    auto submission = at.signals->submit(request);
    if (!submission || !commit(at, std::move(submission->append)) || !at.up()) return;
    std::vector<std::string> ids, printed;
    for (const v1::SubmitItem& item : submission->reply.items()) {
      done_.submitted.insert(item.signal());
      ids.push_back(item.signal());
      printed.push_back(protocol::print_signal_id(*fixed<32>(as_view(item.signal()), "id")));
    }
    if (world_.chance(25)) return;  // stays a draft: nobody else may ever see it
    if (!commit(at, attested(at, Event::kReviewed, printed)) || !at.up()) return;
    if (world_.chance(15)) return;
    v1::PublishRequest publish;
    for (const std::string& id : printed) publish.add_signals(id);
    commit(at, at.signals->publish(publish), [this, ids, who = at.number](const node::Appended& done) {
      for (const std::string& id : ids) {
        done_.published[id] = who;
        out_[id] = {who, done.first_index};
      }
    });
  }

  void retract(SimNode& at) {
    for (const auto& [signal, who] : done_.published) {
      if (who != at.number || done_.retracted.contains(signal) || world_.chance(70)) continue;
      v1::RetractRequest request;
      request.add_signals(protocol::print_signal_id(*fixed<32>(as_view(signal), "id")));
      request.set_reason("FALSE_POSITIVE");
      commit(at, at.signals->retract(request),
             [this, id = signal, who = at.number](const node::Appended& done) {
               done_.retracted.insert(id);
               ended_[id] = {who, done.first_index};
             });
      return;
    }
  }

  // What was taken back is tried again: published anew, or submitted as if it were new.
  void revive(SimNode& at) {
    for (const std::string& signal : done_.retracted) {
      if (done_.published.at(signal) != at.number || world_.chance(50)) continue;
      const auto id = *fixed<32>(as_view(signal), "id");
      const auto known = storage::SignalStore(*at.store).get(id);
      const auto indicator = known && *known ? protocol::decode_indicator(as_view((*known)->indicator()))
                                             : Result<protocol::Indicator>(fail(Code::kNotFound, "none"));
      if (!indicator) return;
      v1::SubmitRequest again;
      v1::NewSignal& same = *again.add_signals();
      same.set_type("sha256");
      same.set_value(indicator->text());
      same.add_labels("tvec:propaganda");
      if (auto submission = at.signals->submit(again)) commit(at, std::move(submission->append));
      if (!at.up()) return;
      v1::PublishRequest publish;
      publish.add_signals(protocol::print_signal_id(id));
      if (commit(at, at.signals->publish(publish)))
        network_.watch().complain(at, "R14: it published a signal that it had retracted");
      return;
    }
  }

  void receive(SimNode& at, Event event) {
    for (const auto& [signal, who] : done_.published) {
      if (who == at.number || world_.chance(60)) continue;
      commit(at, attested(at, event, {protocol::print_signal_id(*fixed<32>(as_view(signal), "id"))}));
      return;
    }
  }

  Result<node::Append> attested(SimNode& at, Event event, const std::vector<std::string>& ids) {
    v1::SubjectRequest ask;
    for (const std::string& id : ids) ask.add_signals(id);
    TRY_ASSIGN(const v1::SubjectReply subject, at.signals->subject(ask));
    const bool own = event == Event::kReviewed;
    std::vector<protocol::SlotValue> slots;
    const auto reviewer = protocol::key_id(at.reviewer.public_key());
    if (event == Event::kOpinion) {
      slots = {protocol::slot_number(0, SlotType::kEnum, 1 + world_.below(3)),
               protocol::slot_number(1, SlotType::kEnum, 1),
               protocol::slot_bytes(2, SlotType::kHash, as_view(subject.label_set())),
               protocol::slot_number(3, SlotType::kEnum, 1),
               protocol::slot_number(4, SlotType::kEnum, 1),
               protocol::slot_bytes(8, SlotType::kKeyId, reviewer),
               protocol::slot_number(11, SlotType::kTime, world_.now_ms())};
    } else {
      slots = {protocol::slot_number(0, SlotType::kEnum, 1),
               protocol::slot_text(1, "3.2"),
               protocol::slot_text(2, "1"),
               protocol::slot_number(3, SlotType::kEnum, 1),
               protocol::slot_text(4, "EU-2021/784"),
               protocol::slot_text(5, "GDPR 6(1)(f)"),
               protocol::slot_number(6, SlotType::kUint, 31),
               protocol::slot_text(7, "hash only"),
               protocol::slot_bytes(8, SlotType::kKeyId, reviewer),
               protocol::slot_number(9, SlotType::kEnum, 1),
               protocol::slot_text(10, "en"),
               protocol::slot_number(11, SlotType::kTime, world_.now_ms()),
               protocol::slot_number(12, SlotType::kTime, world_.now_ms() + 300 * kDay)};
    }
    std::vector<Hash> covers;
    for (const std::string& id : own ? subject.chains() : subject.signals()) {
      TRY_ASSIGN(const Hash hash, fixed<32>(as_view(id), "id"));
      covers.push_back(hash);
    }
    if (!own || covers.size() > 1)
      slots.push_back(protocol::slot_hashes(protocol::kSlotCovers, std::move(covers)));
    if (!own)
      slots.push_back(
          protocol::slot_bytes(protocol::kSlotOrigin, SlotType::kHash, as_view(subject.origin())));
    FixedBytes<32> key;
    world_.fill(key);
    TRY_ASSIGN(const Hash chain, fixed<32>(as_view(subject.chain()), "chain"));
    TRY_ASSIGN(auto signature,
               protocol::attest({at.descriptor->fingerprint(), event, chain}, key, slots, at.reviewer));
    slots.push_back(std::move(signature));
    v1::AttestedRequest request;
    request.set_event(static_cast<std::uint32_t>(event));
    request.set_key_a(to_string(key));
    request.set_slots_a(to_string(protocol::pack_slots(slots)));
    *request.mutable_signals() = subject.signals();
    request.set_batch(subject.batch());
    return at.signals->attested(request);
  }

  SimNetwork& network_;
  World& world_;
  const bool restore_;
  std::optional<Backup> image_;
  // Where a published, or retracted, signal's record stands: whose ledger, and its index.
  std::map<std::string, std::pair<std::size_t, std::uint64_t>> out_, ended_;
  std::vector<Keyed> keyed_;
  Done done_;
};

}  // namespace

Exposure run_two_faces(SimNetwork& network) {
  return Workload(network, false).run_two_faces();
}

Done run_workload(SimNetwork& network, bool restore) {
  return Workload(network, restore).run();
}

}  // namespace tocsin::simulation
