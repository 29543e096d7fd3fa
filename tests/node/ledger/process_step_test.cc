#include "node/ledger/process_step.h"

#include "crypto/sign.h"
#include "protocol/identity/ids.h"
#include "protocol/process/attestation.h"
#include "storage/signal_store.h"
#include "tests/node/ledger/fixture.h"
#include "tests/protocol/process/sample_events.h"

namespace tocsin::node {
namespace {

using namespace protocol;
using protocol::test::sample_slots;

constexpr std::uint64_t kDay = 86'400'000;

void put(std::vector<SlotValue>& slots, SlotValue value) {
  const auto at =
      std::find_if(slots.begin(), slots.end(), [&](const auto& s) { return s.slot >= value.slot; });
  if (at != slots.end() && at->slot == value.slot) {
    *at = std::move(value);
  } else {
    slots.insert(at, std::move(value));
  }
}

// A ledger with a reviewer, a submitter and a group of itself and one peer.
struct Company : LedgerFixture {
  const crypto::SigningKey reviewer = crypto::SigningKey::from_seed(Secret<32>(filled(50)));
  const crypto::SigningKey submitter = crypto::SigningKey::from_seed(Secret<32>(filled(51)));
  const Hash group = filled(60);
  const Hash peer = filled(61);

  Company() {
    REQUIRE(append({key_added(reviewer, KeyRole::kReviewer), key_added(submitter, KeyRole::kSubmitter)}));
    REQUIRE(append({group_set(1)}));
  }
  Hash self() const { return ledger->self(); }
  std::uint64_t next() const { return ledger->size(); }

  Draft key_added(const crypto::SigningKey& key, KeyRole role) const {
    Draft draft{Event::kKeyAdded, Subject::of_node(), sample_slots(Event::kKeyAdded, false)};
    put(draft.slots, slot_bytes(0, SlotType::kKey, key.public_key()));
    put(draft.slots, slot_number(1, SlotType::kEnum, static_cast<std::uint64_t>(role)));
    put(draft.slots, protocol::slot_text(2, role == KeyRole::kReviewer ? "rita" : "sam"));
    put(draft.slots, slot_number(3, SlotType::kTime, 0));
    put(draft.slots, slot_number(4, SlotType::kTime, runtime.now + 1000 * kDay));
    return draft;
  }
  Draft group_set(std::uint64_t epoch) const {
    Draft draft{Event::kGroupSet, Subject::of_node(), sample_slots(Event::kGroupSet, false)};
    put(draft.slots, slot_bytes(0, SlotType::kHash, group));
    put(draft.slots, slot_number(1, SlotType::kUint, epoch));
    put(draft.slots, slot_hashes(3, {self(), peer}));
    put(draft.slots, slot_bytes(14, SlotType::kHash, self()));
    return draft;
  }
  Bytes indicator(std::uint8_t n) const {
    Bytes out(33, n);
    out[0] = 1;
    return out;
  }
  Hash signal(std::uint8_t n) const { return signal_id(self(), indicator(n)); }
  Draft submitted(std::uint8_t n) const {
    Draft draft{Event::kSubmitted, Subject::of_signal(signal(n)), sample_slots(Event::kSubmitted, false)};
    put(draft.slots, slot_bytes(0, SlotType::kIndicator, indicator(n)));
    put(draft.slots, slot_bytes(6, SlotType::kKeyId, key_id(submitter.public_key())));
    put(draft.slots, slot_number(10, SlotType::kTime, runtime.now + 300 * kDay));
    return draft;
  }
  Draft reviewed(const Subject& subject, std::vector<Hash> chains = {}) const {
    Draft draft{Event::kReviewed, subject, sample_slots(Event::kReviewed, false)};
    draft.slots.pop_back();
    put(draft.slots, slot_number(6, SlotType::kUint, 31));
    put(draft.slots, slot_bytes(8, SlotType::kKeyId, key_id(reviewer.public_key())));
    put(draft.slots, slot_number(11, SlotType::kTime, runtime.now));
    put(draft.slots, slot_number(12, SlotType::kTime, runtime.now + 100 * kDay));
    if (!chains.empty()) put(draft.slots, slot_hashes(13, std::move(chains)));
    draft.key_a = filled(70);
    put(draft.slots,
        attest({self(), Event::kReviewed, ledger->chain_of(subject)}, *draft.key_a, draft.slots, reviewer)
            .value());
    return draft;
  }
  Draft published(const Subject& subject, std::uint64_t review, std::vector<Hash> chains = {}) const {
    Draft draft{Event::kPublished, subject, sample_slots(Event::kPublished, false)};
    put(draft.slots, slot_bytes(0, SlotType::kHash, group));
    put(draft.slots, slot_number(1, SlotType::kUint, 1));
    put(draft.slots, slot_number(2, SlotType::kUint, review));
    put(draft.slots, slot_number(7, SlotType::kTime, runtime.now + 200 * kDay));
    if (!chains.empty()) put(draft.slots, slot_hashes(13, std::move(chains)));
    return draft;
  }
  Draft retracted(const Subject& subject) const {
    Draft draft{Event::kRetractionIssued, subject, sample_slots(Event::kRetractionIssued, false)};
    put(draft.slots, slot_bytes(2, SlotType::kHash, recipient_set_digest({peer})));
    put(draft.slots, slot_number(3, SlotType::kTime, runtime.now + kDay));
    put(draft.slots, slot_bytes(8, SlotType::kKeyId, key_id(submitter.public_key())));
    return draft;
  }
  v1::Case case_of(std::uint8_t n) const {
    return storage::SignalStore(*memory.store).get(signal(n)).value().value_or(v1::Case());
  }
  std::uint64_t must(Draft draft) {
    const auto appended = append({std::move(draft)});
    if (!appended) FAIL(appended.error().message);
    return appended->first_index;
  }
};

TEST_CASE("a signal's life folds into its case, and each record is opened to those SPEC names") {
  Company company;
  const Subject about = Subject::of_signal(company.signal(1));
  const std::uint64_t submitted = company.must(company.submitted(1));
  CHECK(company.case_of(1).origin().phase() == v1::DRAFT);
  const std::uint64_t reviewed = company.must(company.reviewed(about));
  CHECK(company.case_of(1).origin().phase() == v1::SHAREABLE);
  const std::uint64_t published = company.must(company.published(about, reviewed));
  CHECK(company.case_of(1).origin().phase() == v1::LIVE);
  const std::uint64_t retracted = company.must(company.retracted(about));
  CHECK(company.case_of(1).origin().phase() == v1::RETRACTING);
  CHECK(company.case_of(1).origin().recipients_size() == 1);

  const auto& log = company.ledger->log();
  CHECK(log.sealed(submitted).value().audience().empty());
  CHECK(log.sealed(reviewed).value().audience().empty());
  const auto publication = log.sealed(published).value();
  REQUIRE(publication.audience_size() == 1);
  CHECK(publication.audience(0) == to_string(company.group));
  REQUIRE(publication.attached_size() == 2);
  CHECK(publication.attached(0) == submitted);
  CHECK(publication.attached(1) == reviewed);
  REQUIRE(log.sealed(retracted).value().audience_size() == 1);
  CHECK(log.sealed(retracted).value().audience(0) == to_string(company.group));
  CHECK_FALSE(log.sealed(retracted).value().members());
  CHECK(log.sealed(0).value().members());
  CHECK(log.sealed(3).value().audience_size() == 1);
  CHECK_FALSE(log.sealed(3).value().members());
  CHECK(log.sealed(company.must(receipt(1))).value().members());
}

TEST_CASE(
    "a batch is reviewed and published by one record each, and attaches every submission and the one "
    "review") {
  Company company;
  std::vector<Draft> submissions;
  std::vector<Hash> chains;
  for (std::uint8_t n = 1; n <= 20; ++n) {
    submissions.push_back(company.submitted(n));
    chains.push_back(company.ledger->chain_of(submissions.back().subject));
  }
  const std::uint64_t first = company.next();
  REQUIRE(company.append(std::move(submissions)));
  const std::uint64_t review = company.must(company.reviewed(Subject::of_batch({1}), chains));
  const std::uint64_t published = company.must(company.published(Subject::of_batch({2}), review, chains));
  const auto sealed = company.ledger->sealed(published).value();
  REQUIRE(sealed.attached_size() == 21);
  for (int i = 0; i < 20; ++i) CHECK(sealed.attached(i) == first + static_cast<std::uint64_t>(i));
  CHECK(sealed.attached(20) == review);
  for (std::uint8_t n = 1; n <= 20; ++n) CHECK(company.case_of(n).origin().phase() == v1::LIVE);
}

TEST_CASE("drafts of one append see each other, and one that breaks a rule takes the others with it") {
  Company company;
  const Subject about = Subject::of_signal(company.signal(1));
  const std::uint64_t first = company.next();
  const auto refused = company.append({company.submitted(1), company.published(about, first)});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().rule == "due-process/R1");
  CHECK(company.next() == first);
  CHECK(company.case_of(1).origin().phase() == v1::PHASE_UNSPECIFIED);
  REQUIRE(
      company.append({company.submitted(1), company.reviewed(about), company.published(about, first + 1)}));
  CHECK(company.case_of(1).origin().phase() == v1::LIVE);
}

TEST_CASE("a refused append leaves those beside it in the same commit untouched") {
  Company company;
  std::vector<std::string> rules;
  const auto note = [&](Result<Appended> appended) {
    rules.push_back(appended ? "" : appended.error().rule);
  };
  company.ledger->append({{company.submitted(1)}}, note);
  company.ledger->append({{company.group_set(2), company.retracted(Subject::of_signal(company.signal(9)))}},
                         note);
  company.ledger->append({{company.submitted(2)}}, note);
  company.runtime.run();
  CHECK(rules == std::vector<std::string>{"", "ledger/covers", ""});
  CHECK(company.ledger->registry()->current_group(company.group)->epoch == 1);
  CHECK(company.case_of(2).origin().phase() == v1::DRAFT);
}

TEST_CASE("a submission under another signal's id is refused") {
  Company company;
  Draft draft = company.submitted(1);
  draft.subject = Subject::of_signal(company.signal(2));
  CHECK(company.append({draft}).error().rule == "ledger/subject");
}

TEST_CASE("the registry and the cases are the same after reopening") {
  Company company;
  company.must(company.submitted(1));
  company.must(company.group_set(2));
  company.open();
  const auto registry = company.ledger->registry();
  CHECK(registry->current_group(company.group)->epoch == 2);
  CHECK(registry->keys().size() >= 2);
  CHECK(registry->self() != nullptr);
  company.must(company.reviewed(Subject::of_signal(company.signal(1))));
  CHECK(company.case_of(1).origin().phase() == v1::SHAREABLE);
}

TEST_CASE("a receiver's record changes a foreign case that an effect of the same append brought") {
  Company company;
  const Hash foreign = filled(80);
  const Hash issuer = filled(81);
  Draft draft{Event::kDeclined, Subject::of_signal(foreign), sample_slots(Event::kDeclined, false)};
  put(draft.slots, slot_hashes(13, {foreign}));
  put(draft.slots, slot_bytes(14, SlotType::kHash, issuer));
  draft.audience = {company.group};
  CHECK(company.append({draft}).error().rule == "ledger/covers");

  Append page{{draft}};
  page.effects = [&](Changes& changes) -> Status {
    v1::Case value;
    value.set_signal(to_string(foreign));
    value.set_issuer(to_string(issuer));
    value.mutable_origin()->set_phase(v1::LIVE);
    changes.put_case(value);
    return {};
  };
  const auto appended = company.append(std::move(page));
  if (!appended) FAIL(appended.error().message);
  const auto value = storage::SignalStore(*company.memory).get(foreign).value().value();
  REQUIRE(value.receivers_size() == 1);
  CHECK(value.receivers(0).node() == to_string(company.self()));
  CHECK(value.receivers(0).phase() == v1::DECLINED);
  CHECK(company.ledger->sealed(appended->first_index).value().audience(0) == to_string(company.group));
}

}  // namespace
}  // namespace tocsin::node
