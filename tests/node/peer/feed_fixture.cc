#include "tests/node/peer/feed_fixture.h"

#include "crypto/base/encoding.h"
#include "crypto/hash.h"
#include "protocol/identity/ids.h"
#include "protocol/process/attestation.h"
#include "protocol/process/registry.h"
#include "tocsin/v1/store.pb.h"

namespace tocsin::node {

using protocol::Event;
using protocol::slot_bytes;
using protocol::slot_number;
using protocol::slot_text;
using protocol::SlotType;

namespace {

constexpr std::uint64_t kHourMs = 3600 * 1000;
constexpr std::uint64_t kDayMs = 24 * kHourMs;

Hash hash_at(const std::string& bytes) {
  return fixed<32>(as_view(bytes), "hash").value();
}

}  // namespace

FeedFixture::FeedFixture() {
  network.heal();
  network.part(0, 1);
  add_reviewer();
  commit(issuer(), issuer().members->create_network("feed", "be fair"));
  join();
}

void FeedFixture::commit(simulation::SimNode& at, Result<Append> append) {
  REQUIRE(append.has_value());
  std::optional<Result<Appended>> outcome;
  at.append(std::move(*append), [&](Result<Appended> done) { outcome = std::move(done); });
  world.run(world.now_ms() + kHourMs, [&] { return outcome.has_value(); });
  REQUIRE(outcome.has_value());
  if (!*outcome) FAIL(outcome->error().message);
}

void FeedFixture::add_reviewer() {
  Draft draft;
  draft.event = Event::kKeyAdded;
  draft.slots = {slot_bytes(0, SlotType::kKey, issuer().reviewer.public_key()),
                 slot_number(1, SlotType::kEnum, 2), slot_text(2, "reviewer"),
                 slot_number(3, SlotType::kTime, world.now_ms()),
                 slot_number(4, SlotType::kTime, world.now_ms() + 80 * kDayMs)};
  Append append;
  append.drafts.push_back(std::move(draft));
  commit(issuer(), std::move(append));
}

void FeedFixture::join() {
  auto invited = issuer().members->invite(reader().name, kHourMs, *issuer().descriptor);
  REQUIRE(invited.has_value());
  commit(issuer(), std::move(invited->append));
  commit(reader(), reader().members->follow(invited->invitation, 2));
  v1::JoinRequest request;
  *request.mutable_signed_descriptor() = reader().descriptor->signed_form();
  const ByteView secret = as_view(invited->invitation.secret());
  request.set_invitation_id(to_string(protocol::invitation_id(secret)));
  request.set_proof(
      to_string(protocol::join_proof(secret, Hash{}, as_view(reader().descriptor->signed_form().body()))));
  auto candidate = issuer().members->on_join(request, Hash{});
  REQUIRE(candidate.append.has_value());
  commit(issuer(), std::move(*candidate.append));
  commit(issuer(), issuer().members->accept(reader().name, reader_id(), 2));
  const auto row = reader().members->following();
  commit(reader(), reader().members->answered(**row, issuer().members->on_join(request, Hash{}).reply,
                                              *issuer().descriptor));
}

std::vector<std::string> FeedFixture::submit(std::size_t count) {
  v1::SubmitRequest request;
  for (std::size_t i = 0; i < count; ++i) {
    v1::NewSignal& signal = *request.add_signals();
    signal.set_type("sha256");
    signal.set_value(hex_encode(crypto::sha256(as_view("signal " + std::to_string(submitted_++)))));
    signal.add_labels("tvec:propaganda");
  }
  auto submission = issuer().signals->submit(request);
  REQUIRE(submission.has_value());
  commit(issuer(), std::move(submission->append));
  std::vector<std::string> ids;
  for (const v1::SubmitItem& item : submission->reply.items())
    ids.push_back(protocol::print_signal_id(hash_at(item.signal())));
  return ids;
}

void FeedFixture::review(const std::vector<std::string>& ids) {
  v1::SubjectRequest ask;
  for (const std::string& id : ids) ask.add_signals(id);
  const auto subject = issuer().signals->subject(ask);
  REQUIRE(subject.has_value());
  std::vector<protocol::SlotValue> slots = {
      slot_number(0, SlotType::kEnum, 1),
      slot_text(1, "3.2"),
      slot_text(2, "1"),
      slot_number(3, SlotType::kEnum, 1),
      slot_text(4, "EU-2021/784"),
      slot_text(5, "GDPR 6(1)(f)"),
      slot_number(6, SlotType::kUint, 31),
      slot_text(7, "hash only"),
      slot_bytes(8, SlotType::kKeyId, protocol::key_id(issuer().reviewer.public_key())),
      slot_number(9, SlotType::kEnum, 1),
      slot_text(10, "en"),
      slot_number(11, SlotType::kTime, world.now_ms()),
      slot_number(12, SlotType::kTime, world.now_ms() + 300 * kDayMs)};
  std::vector<Hash> covers;
  for (const std::string& chain : subject->chains()) covers.push_back(hash_at(chain));
  if (covers.size() > 1) slots.push_back(protocol::slot_hashes(protocol::kSlotCovers, std::move(covers)));
  FixedBytes<32> key;
  world.fill(key);
  auto signature = protocol::attest({issuer_id(), Event::kReviewed, hash_at(subject->chain())}, key, slots,
                                    issuer().reviewer);
  REQUIRE(signature.has_value());
  slots.push_back(std::move(*signature));
  v1::AttestedRequest request;
  request.set_event(static_cast<std::uint32_t>(Event::kReviewed));
  request.set_key_a(to_string(key));
  request.set_slots_a(to_string(protocol::pack_slots(slots)));
  *request.mutable_signals() = subject->signals();
  request.set_batch(subject->batch());
  commit(issuer(), issuer().signals->attested(request));
}

std::vector<std::string> FeedFixture::publish(std::size_t count) {
  auto ids = submit(count);
  review(ids);
  v1::PublishRequest request;
  for (const std::string& id : ids) request.add_signals(id);
  commit(issuer(), issuer().signals->publish(request));
  return ids;
}

void FeedFixture::retract(const std::string& id) {
  v1::RetractRequest request;
  request.add_signals(id);
  request.set_reason("FALSE_POSITIVE");
  commit(issuer(), issuer().signals->retract(request));
}

std::unique_ptr<ForeignLedger> FeedFixture::open_reader() {
  auto opened =
      ForeignLedger::open(*reader().store, *reader().ledger, reader().machine, *issuer().descriptor);
  REQUIRE(opened.has_value());
  return std::move(*opened);
}

Result<ForeignLedger::PagePtr> FeedFixture::prove(ForeignLedger& ledger, const v1::RecordsReply& reply) {
  const crypto::KemKey* keys[] = {&reader().envelope};
  return ledger.prove(*ledger.view(), reply, keys);
}

Result<std::uint64_t> FeedFixture::keep(ForeignLedger& ledger, const ForeignLedger::PagePtr& page) {
  std::optional<Result<std::uint64_t>> outcome;
  ledger.write(page, true, [&](Result<std::uint64_t> refused) { outcome = std::move(refused); });
  world.run(world.now_ms() + kHourMs, [&] { return outcome.has_value(); });
  REQUIRE(outcome.has_value());
  if (*outcome) ledger.settle(page);
  return *outcome;
}

void FeedFixture::catch_up(ForeignLedger& ledger) {
  do {
    const auto reply = ask(ledger.next_request());
    REQUIRE(reply.has_value());
    auto page = prove(ledger, *reply);
    if (!page) FAIL(page.error().message);
    ledger.take(*page);
    REQUIRE(keep(ledger, *page).has_value());
  } while (!ledger.progress().complete());
}

std::vector<v1::Evidence> FeedFixture::evidence() {
  auto kept = storage::PeerStore(*reader().store).evidence(issuer_id());
  REQUIRE(kept.has_value());
  return std::move(*kept);
}

void FeedFixture::bend_openings(v1::RecordsReply& reply, const std::function<void(v1::Openings&)>& bend) {
  const protocol::PageBinding binding{issuer_id(), reader_id(), reply.from()};
  auto openings = protocol::open_page(binding, reader().envelope, reply.page());
  REQUIRE(openings.has_value());
  bend(*openings);
  Secret<32> key, entropy;
  crypto::SealNonce nonce;
  world.fill(key.expose_mutable());
  world.fill(entropy.expose_mutable());
  world.fill(nonce);
  auto sealed =
      protocol::seal_page(binding, reader().descriptor->envelope_key(), *openings, key, nonce, entropy);
  REQUIRE(sealed.has_value());
  *reply.mutable_page() = std::move(*sealed);
}

}  // namespace tocsin::node
