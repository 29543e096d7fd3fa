#include "tests/simulation/workload.h"

#include "crypto/base/encoding.h"
#include "protocol/identity/ids.h"
#include "protocol/process/attestation.h"
#include "protocol/process/registry.h"

namespace tocsin::simulation {
namespace {

using protocol::Event;
using protocol::SlotType;

constexpr std::uint64_t kSecond = 1'000;
constexpr std::uint64_t kDay = 24ULL * 3600 * kSecond;
constexpr int kSteps = 60;

class Workload {
 public:
  explicit Workload(SimNetwork& network) : network_(network), world_(network.world()) {}

  Done run() {
    form();
    for (int i = 0; i < kSteps; ++i) {
      step();
      world_.run(world_.now_ms() + world_.below(4 * kSecond));
    }
    network_.heal();
    for (auto& one : network_.nodes())
      if (!one->up()) one->start();
    // The longest retry delay, twice, and the longest poll: whoever is honest has caught up by then.
    world_.run(world_.now_ms() + 150 * kSecond);
    return done_;
  }

 private:
  SimNode& node(std::size_t i) { return *network_.nodes()[i]; }

  // Commits and waits in virtual time; false when the node refused.
  bool commit(SimNode& at, Result<node::Append> append) {
    if (!append) return false;
    auto outcome = std::make_shared<int>(0);
    at.append(std::move(*append), [outcome](Result<node::Appended> r) { *outcome = r ? 1 : -1; });
    world_.run(world_.now_ms() + 60 * kSecond, [&] { return *outcome != 0; });
    return *outcome == 1;
  }

  void form() {
    add_person(node(0));
    commit(node(0), node(0).members->create_network("sim", "be fair"));
    for (std::size_t i = 1; i < network_.nodes().size(); ++i) join(node(i));
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
    const std::size_t first = world_.below(network_.nodes().size());
    for (std::size_t i = 0; i < network_.nodes().size(); ++i)
      if (SimNode& one = node((first + i) % network_.nodes().size()); one.up()) return &one;
    return nullptr;
  }

  void step() {
    SimNode* at = any_up();
    if (at == nullptr) return recover();
    const std::uint64_t what = world_.below(100);
    if (what < 35) return submit_and_publish(*at);
    if (what < 45) return retract(*at);
    if (what < 60) return receive(*at, Event::kOpinion);
    if (what < 70) return receive(*at, Event::kReceiverReviewed);
    if (what < 78)
      return network_.part(world_.below(network_.nodes().size()), world_.below(network_.nodes().size()));
    if (what < 86) return crash(*at);
    recover();
  }

  void crash(SimNode& at) {
    ++done_.crashes;
    at.crash();
  }

  void recover() {
    for (auto& one : network_.nodes())
      if (!one->up() && world_.chance(60)) one->start();
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
    if (!submission || !commit(at, std::move(submission->append))) return;
    std::vector<std::string> ids;
    for (const v1::SubmitItem& item : submission->reply.items()) {
      done_.submitted.insert(item.signal());
      ids.push_back(protocol::print_signal_id(*fixed<32>(as_view(item.signal()), "id")));
    }
    if (world_.chance(25) || !at.up()) return;  // stays a draft: nobody else may ever see it
    if (!commit(at, attested(at, Event::kReviewed, ids)) || !at.up()) return;
    if (world_.chance(15)) return;
    v1::PublishRequest publish;
    for (const std::string& id : ids) publish.add_signals(id);
    if (!commit(at, at.signals->publish(publish))) return;
    for (const v1::SubmitItem& item : submission->reply.items()) done_.published[item.signal()] = at.number;
  }

  void retract(SimNode& at) {
    for (const auto& [signal, who] : done_.published) {
      if (who != at.number || done_.retracted.contains(signal) || world_.chance(70)) continue;
      v1::RetractRequest request;
      request.add_signals(protocol::print_signal_id(*fixed<32>(as_view(signal), "id")));
      request.set_reason("FALSE_POSITIVE");
      const std::string id = signal;
      if (commit(at, at.signals->retract(request))) done_.retracted.insert(id);
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
  Done done_;
};

}  // namespace

Done run_workload(SimNetwork& network) {
  return Workload(network).run();
}

}  // namespace tocsin::simulation
