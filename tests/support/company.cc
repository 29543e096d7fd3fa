#include "tests/support/company.h"

#include "crypto/base/encoding.h"
#include "crypto/hash.h"
#include "protocol/identity/ids.h"
#include "protocol/process/attestation.h"
#include "protocol/process/registry.h"

namespace tocsin::tests {
namespace {

using protocol::Event;
using protocol::slot_bytes;
using protocol::slot_number;
using protocol::slot_text;
using protocol::SlotType;

Secret<32> seed_of(const std::string& name, const char* what) {
  return Secret<32>(crypto::sha256(as_view(name + "/" + what)));
}

std::string value_of(char digit) {
  return hex_encode(crypto::sha256(as_view(std::string(1, digit))));
}

std::vector<protocol::SlotValue> opinion_slots(const v1::SubjectReply& subject, std::uint64_t now) {
  return {slot_number(0, SlotType::kEnum, 3),
          slot_number(1, SlotType::kEnum, 2),
          slot_bytes(2, SlotType::kHash, as_view(subject.label_set())),
          slot_number(3, SlotType::kEnum, 1),
          slot_number(4, SlotType::kEnum, 1),
          slot_number(11, SlotType::kTime, now)};
}

std::vector<protocol::SlotValue> review_slots(std::uint64_t now) {
  return {slot_number(0, SlotType::kEnum, 1),
          slot_text(1, "tvec:3.2"),
          slot_text(2, "1"),
          slot_number(3, SlotType::kEnum, 1),
          slot_text(4, "EU-2021/784"),
          slot_text(5, "GDPR 6(1)(f)"),
          slot_number(6, SlotType::kUint, 31),
          slot_text(7, "hash only"),
          slot_number(9, SlotType::kEnum, 1),
          slot_text(10, "en"),
          slot_number(11, SlotType::kTime, now),
          slot_number(12, SlotType::kTime, now + 300 * kDayMs)};
}

}  // namespace

void put(std::vector<protocol::SlotValue>& slots, protocol::SlotValue value) {
  std::erase_if(slots, [&](const auto& slot) { return slot.slot == value.slot; });
  const auto at =
      std::find_if(slots.begin(), slots.end(), [&](const auto& slot) { return slot.slot > value.slot; });
  slots.insert(at, std::move(value));
}

Company::Company(const std::string& called)
    : name(called),
      root(crypto::SigningKey::from_seed(seed_of(name, "root"))),
      operational(crypto::SigningKey::from_seed(seed_of(name, "operational"))),
      reviewer(crypto::SigningKey::from_seed(seed_of(name, "reviewer"))),
      submitter(crypto::SigningKey::from_seed(seed_of(name, "submitter"))),
      envelope(crypto::KemKey::derive(seed_of(name, "envelope").expose())) {
  v1::NodeDescriptor plain;
  plain.set_name(name);
  plain.set_address("127.0.0.1:7000");
  plain.set_root_key(to_string(root.public_key()));
  plain.set_operational_key(to_string(operational.public_key()));
  plain.set_envelope_key(to_string(envelope.public_key()));
  plain.set_tls_spki_sha256(std::string(32, 't'));
  plain.set_log_origin(name + "/tocsin");
  plain.set_sequence(1);
  plain.set_valid_from_ms(1000);
  plain.set_valid_until_ms(runtime.now + 400 * kDayMs);
  descriptor = std::make_unique<protocol::ValidDescriptor>(
      *protocol::parse_descriptor(*protocol::sign_descriptor(plain, root)));
  node::LedgerKeys keys{
      operational.copy(),        seed_of(name, "chain"),
      seed_of(name, "kek"),      plain.log_origin(),
      descriptor->fingerprint(), to_bytes(as_view(descriptor->signed_form().SerializeAsString()))};
  ledger = *node::Ledger::open(*memory, runtime, std::move(keys));
  members = std::make_unique<node::Members>(*memory, *ledger, runtime);
  signals = std::make_unique<node::Signals>(*memory, *ledger, runtime, *members, node::MatchSettings{});
  owner = std::make_unique<node::FeedOwner>(*ledger, runtime, *members);
  ledger->set_listener(
      [this](const node::Ledger::Committed& committed) { signals->on_committed(committed); });
  runtime.run();
  REQUIRE(add_key(reviewer, 2, "rita of " + name));
  REQUIRE(add_key(submitter, 3, "sam of " + name));
}

Result<node::Appended> Company::commit(Result<node::Append> append) {
  if (!append) return fail(std::move(append).error());
  Result<node::Appended> out = fail(Code::kInternal, "not answered");
  ledger->append(std::move(*append), [&](Result<node::Appended> done) { out = std::move(done); });
  runtime.run();
  return out;
}

std::string Company::rule_of(Result<node::Append> append) {
  const auto done = commit(std::move(append));
  return done ? "" : done.error().rule;
}

Status Company::add_key(const crypto::SigningKey& key, std::uint64_t role, const std::string& pseudonym) {
  node::Draft draft;
  draft.event = Event::kKeyAdded;
  draft.slots = {slot_bytes(0, SlotType::kKey, key.public_key()), slot_number(1, SlotType::kEnum, role),
                 slot_text(2, pseudonym), slot_number(3, SlotType::kTime, runtime.now),
                 slot_number(4, SlotType::kTime, runtime.now + 365 * kDayMs)};
  node::Append append;
  append.drafts.push_back(std::move(draft));
  TRY(commit(std::move(append)));
  return {};
}

v1::SubmitRequest Company::submission(char digit) {
  v1::SubmitRequest request;
  v1::NewSignal& signal = *request.add_signals();
  signal.set_type("sha256");
  signal.set_value(value_of(digit));
  signal.add_labels("tvec:propaganda");
  return request;
}

std::string Company::submit(char digit) {
  v1::SubmitRequest request = submission(digit);
  request.set_submitter_key(to_string(protocol::key_id(submitter.public_key())));
  auto made = signals->submit(request);
  REQUIRE(made);
  REQUIRE(commit(std::move(made->append)));
  return protocol::print_signal_id(*fixed<32>(as_view(made->reply.items(0).signal()), "a signal id"));
}

Result<node::Append> Company::attested(Event event, const std::vector<std::string>& ids,
                                       const crypto::SigningKey& by, const Change& change) {
  v1::SubjectRequest ask;
  for (const std::string& id : ids) ask.add_signals(id);
  TRY_ASSIGN(const v1::SubjectReply subject, signals->subject(ask));
  auto slots = event == Event::kOpinion ? opinion_slots(subject, runtime.now) : review_slots(runtime.now);
  put(slots, slot_bytes(8, SlotType::kKeyId, protocol::key_id(by.public_key())));
  const bool own = event == Event::kReviewed;
  std::vector<Hash> covers;
  for (const std::string& id : own ? subject.chains() : subject.signals())
    covers.push_back(*fixed<32>(as_view(id), "an id"));
  if (!own || covers.size() > 1) put(slots, protocol::slot_hashes(protocol::kSlotCovers, covers));
  if (!own) put(slots, slot_bytes(protocol::kSlotOrigin, SlotType::kHash, as_view(subject.origin())));
  if (change) change(slots);
  FixedBytes<32> key{};
  runtime.fill_random(key);
  TRY_ASSIGN(const Hash chain, fixed<32>(as_view(subject.chain()), "a chain"));
  TRY_ASSIGN(auto signature, protocol::attest({descriptor->fingerprint(), event, chain}, key, slots, by));
  slots.push_back(std::move(signature));
  v1::AttestedRequest request;
  request.set_event(static_cast<std::uint32_t>(event));
  request.set_key_a(to_string(key));
  request.set_slots_a(to_string(protocol::pack_slots(slots)));
  *request.mutable_signals() = subject.signals();
  request.set_batch(subject.batch());
  return signals->attested(request);
}

Result<node::Append> Company::published(const std::string& id) const {
  v1::PublishRequest request;
  request.add_signals(id);
  return signals->publish(request);
}

Result<node::Append> Company::retracted(const std::string& id, const std::string& reason) const {
  v1::RetractRequest request;
  request.add_signals(id);
  request.set_reason(reason);
  request.set_cause("news footage");
  return signals->retract(request);
}

std::string Company::state_of(const std::string& id) const {
  const auto view = signals->view(id);
  return view ? view->state() : view.error().rule;
}

std::size_t Company::hits_of(char digit) const {
  v1::MatchRequest request;
  v1::MatchQuery& query = *request.add_queries();
  query.set_type("sha256");
  query.set_value(value_of(digit));
  const auto reply = signals->match(request);
  REQUIRE(reply);
  return static_cast<std::size_t>(reply->results(0).hits_size());
}

Status Company::pull(Company& from) {
  auto& peer = peers[from.descriptor->fingerprint()];
  if (!peer) {
    TRY_ASSIGN(peer, node::ForeignLedger::open(*memory, *ledger, runtime, *from.descriptor));
  }
  TRY_ASSIGN(const auto network, members->network());
  const bool coordinator = network && network->coordinator() == to_string(from.descriptor->fingerprint());
  const std::vector<const crypto::KemKey*> keys = {&envelope};
  for (bool complete = false; !complete;) {
    TRY_ASSIGN(const auto page, from.owner->records(descriptor->fingerprint(), peer->next_request()));
    TRY_ASSIGN(const auto proved, peer->prove(*peer->view(), page, keys));
    peer->take(proved);
    Result<std::uint64_t> refused = fail(Code::kInternal, "not answered");
    peer->write(proved, coordinator, [&](Result<std::uint64_t> done) { refused = std::move(done); });
    runtime.run();
    if (!refused) return fail(std::move(refused).error());
    peer->settle(proved);
    complete = peer->progress().complete();
  }
  return {};
}

v1::JoinRequest join_request(const Company& who, const v1::Invitation& invitation) {
  v1::JoinRequest request;
  *request.mutable_signed_descriptor() = who.descriptor->signed_form();
  const ByteView secret = as_view(invitation.secret());
  request.set_invitation_id(to_string(protocol::invitation_id(secret)));
  request.set_proof(
      to_string(protocol::join_proof(secret, {}, as_view(who.descriptor->signed_form().body()))));
  return request;
}

void join(Company& coordinator, Company& who) {
  auto invited = coordinator.members->invite(who.name, kHourMs, *coordinator.descriptor);
  REQUIRE(invited);
  REQUIRE(coordinator.commit(std::move(invited->append)));
  REQUIRE(who.commit(who.members->follow(invited->invitation, 2)));
  const v1::JoinRequest request = join_request(who, invited->invitation);
  auto candidate = coordinator.members->on_join(request, {});
  REQUIRE(candidate.append);
  REQUIRE(coordinator.commit(std::move(*candidate.append)));
  REQUIRE(coordinator.commit(coordinator.members->accept(who.name, who.descriptor->fingerprint(), 2)));
  candidate = coordinator.members->on_join(request, {});
  const auto row = who.members->following();
  REQUIRE((row && *row));
  REQUIRE(who.commit(who.members->answered(**row, candidate.reply, *coordinator.descriptor)));
}

}  // namespace tocsin::tests
