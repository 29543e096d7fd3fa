#include "protocol/verify/cross.h"

#include "protocol/identity/ids.h"
#include "tests/protocol/verify/audit_fixture.h"

namespace tocsin::protocol {
namespace {

using namespace test;

// The issuer's correct ledger and its two recipients', each as honest as a test leaves it.
struct Network {
  CorrectLedger issuer = correct_ledger();
  LedgerBuilder photos{parties().photos};
  LedgerBuilder chat{parties().chat};
  std::uint64_t due_ms = 0;

  Network() {
    for (LedgerBuilder* builder : {&photos, &chat}) {
      append_foundation(*builder, parties().issuer, {&parties().issuer, &parties().photos, &parties().chat});
      builder->advance_ms(60'000);
    }
    due_ms = issuer.builder.records()[issuer.retracted].leaf.time_ms + 3'600'000;
  }

  void answer(LedgerBuilder& receiver, std::uint64_t index, const Hash& leaf) {
    receiver.append(Event::kRetractionApplied,
                    signal_chain_id(receiver.node().chain_key, signal_of(parties().issuer, 2)),
                    applied_slots(parties().issuer, 2, index, leaf, receiver.next_ms()));
  }
  void answer(LedgerBuilder& receiver) {
    answer(receiver, issuer.retracted, issuer.builder.hash_of(issuer.retracted));
  }

  void receipt(LedgerBuilder& receiver, std::uint64_t size, const Hash& root) {
    receiver.append(Event::kReceipt, node_chain(receiver.node()),
                    {slot_number(0, SlotType::kUint, 0), slot_number(1, SlotType::kUint, size),
                     slot_bytes(2, SlotType::kHash, root), slot_number(3, SlotType::kUint, size),
                     slot_bytes(14, SlotType::kHash, parties().issuer.fingerprint)});
  }

  std::vector<Audit> audits(std::optional<std::uint64_t> now_ms = std::nullopt) {
    VerifyOptions options;
    options.now_ms = now_ms;
    options.policy =
        *Policy::parse("log " + vkey_text(parties().issuer) + "\nlog " + vkey_text(parties().photos) +
                       "\nlog " + vkey_text(parties().chat) + "\nquorum none\n");
    std::vector<Audit> out;
    for (LedgerBuilder* builder : {&issuer.builder, &photos, &chat})
      out.push_back(verify_bundle(builder->bundle(), options));
    REQUIRE(compare_ledgers(out, now_ms));
    return out;
  }
};

}  // namespace

TEST_CASE("a retraction that every recipient answered is clean and counted") {
  Network network;
  network.receipt(network.photos, 10, network.issuer.builder.head(10).root);
  network.answer(network.photos);
  network.answer(network.chat);
  const auto audits = network.audits(network.due_ms + kDayMs);
  for (const Audit& audit : audits) {
    INFO(printed(audit));
    CHECK(audit.report.exit_code() == 0);
  }
  CHECK(
      summary(audits[0]) ==
      "video.example: 16 records intact; 2 signals, each reviewed by a second person before it was shared; 1 "
      "retraction, answered by 2 of 2.");
}

TEST_CASE("a recipient that did not answer in time breaks R13, and before the deadline nothing") {
  Network network;
  network.answer(network.photos);
  CHECK(network.audits(network.due_ms)[0].report.exit_code() == 0);
  const auto audits = network.audits(network.due_ms + 1);
  INFO(printed(audits[0]));
  CHECK(audits[0].report.exit_code() == 10);
  REQUIRE(audits[0].report.total() == 1);
  CHECK(audits[0].report.findings()[0].rule == "R13");
  CHECK(audits[0].report.findings()[0].index == network.issuer.retracted);
  CHECK(audits[0].facts.answers == 1);
}

TEST_CASE("without a clock the deadline counts from what the recipient's own ledger proves") {
  Network network;
  network.answer(network.photos);
  CHECK(network.audits()[0].report.exit_code() == 0);
  network.chat.advance_ms(kDayMs);
  network.receipt(network.chat, 16, network.issuer.builder.head(16).root);
  CHECK(network.audits()[0].report.exit_code() == 10);
}

TEST_CASE("an acknowledgement of another retraction is a forgery") {
  Network network;
  network.answer(network.photos, network.issuer.retracted, Hash{1, 2, 3});
  network.answer(network.chat);
  const auto audits = network.audits(network.due_ms + 1);
  CHECK(found(audits[1], "V12.retraction"));
  CHECK(audits[1].report.exit_code() == 8);
  CHECK(audits[0].report.exit_code() == 10);
}

TEST_CASE("a receipt of a history that the issuer denies is found") {
  Network network;
  network.receipt(network.chat, 10, Hash{9});
  const auto audits = network.audits();
  INFO(printed(audits[2]));
  CHECK(audits[2].report.exit_code() == 8);
  CHECK(found(audits[2], "V12.receipt"));
}

TEST_CASE("a receipt for more than the issuer's bundle holds is not held against it") {
  Network network;
  network.receipt(network.chat, 400, Hash{9});
  CHECK(network.audits()[2].report.exit_code() == 0);
}

}  // namespace tocsin::protocol
