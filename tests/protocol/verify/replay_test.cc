#include "protocol/verify/replay.h"

#include "crypto/hash.h"
#include "protocol/identity/ids.h"
#include "tests/protocol/verify/audit_fixture.h"

namespace tocsin::protocol {
namespace {

using namespace test;

// A whole ledger, signed and opened by its operator, in which one rule of due process was not kept.
struct Breach {
  const char* name;
  const char* rule;
  std::function<void(LedgerBuilder&)> write;  // after the foundation
};

const TestNode& issuer() {
  return parties().issuer;
}
Hash chain(std::uint8_t number = 9) {
  return chain_of(issuer(), number);
}

std::uint64_t submit(LedgerBuilder& b, std::function<void(Slots&)> edit = {}) {
  Slots slots = submitted_slots(issuer(), 9, b.next_ms());
  if (edit) edit(slots);
  return b.append(Event::kSubmitted, chain(), slots);
}
std::uint64_t review(LedgerBuilder& b, std::function<void(Slots&)> edit = {},
                     const crypto::SigningKey& by = issuer().reviewer) {
  Slots slots = reviewed_slots(by, b.next_ms());
  if (edit) edit(slots);
  return b.append_attested(Event::kReviewed, chain(), slots, by);
}
std::uint64_t publish(LedgerBuilder& b, std::uint64_t review_index, std::function<void(Slots&)> edit = {}) {
  Slots slots = published_slots(review_index, b.next_ms());
  if (edit) edit(slots);
  return b.append(Event::kPublished, chain(), slots);
}
std::uint64_t retract(LedgerBuilder& b, std::function<void(Slots&)> edit = {}) {
  Slots slots = retraction_slots(issuer(), {&parties().photos, &parties().chat}, b.next_ms());
  if (edit) edit(slots);
  return b.append(Event::kRetractionIssued, chain(), slots);
}
std::uint64_t share(LedgerBuilder& b) {
  submit(b);
  return publish(b, review(b));
}
SlotValue number(std::uint8_t slot, SlotType type, std::uint64_t value) {
  return slot_number(slot, type, value);
}
SlotValue key_id_slot(std::uint8_t slot, const crypto::SigningKey& key) {
  return slot_bytes(slot, SlotType::kKeyId, key_id(key.public_key()));
}
Slots gone_slots(const crypto::SigningKey& key) {
  return {key_id_slot(0, key), slot_text(1, "left")};
}

const std::vector<Breach> kBreaches = {
    {"published without a review", "R1", [](auto& b) { publish(b, submit(b)); }},
    {"published before its review", "R1",
     [](auto& b) {
       const std::uint64_t at = submit(b);
       publish(b, at + 2);
       review(b);
     }},
    {"published after its review lapsed", "R1",
     [](auto& b) {
       submit(b);
       const std::uint64_t at =
           review(b, [&](Slots& s) { set_slot(s, number(12, SlotType::kTime, b.next_ms() + kDayMs)); });
       b.advance_ms(2 * kDayMs);
       publish(b, at);
     }},
    {"published after its review was a rejection", "R1",
     [](auto& b) {
       submit(b);
       publish(b, review(b, [](Slots& s) { set_slot(s, number(0, SlotType::kEnum, 2)); }));
     }},
    {"published on a review that asked for more", "R1",
     [](auto& b) {
       submit(b);
       publish(b, review(b, [](Slots& s) { set_slot(s, number(0, SlotType::kEnum, 3)); }));
     }},
    {"published on a superseded review", "R1",
     [](auto& b) {
       submit(b);
       const std::uint64_t first = review(b);
       review(b);
       publish(b, first);
     }},
    {"a review that left out an exclusion", "R1",
     [](auto& b) {
       submit(b);
       publish(b, review(b, [](Slots& s) { set_slot(s, number(6, SlotType::kUint, 15)); }));
     }},
    {"the reviewer is the submitter", "R2",
     [](auto& b) {
       submit(b, [](Slots& s) { set_slot(s, key_id_slot(6, issuer().reviewer)); });
       publish(b, review(b));
     }},
    {"the submitter reviews with a second key of theirs", "R2",
     [](auto& b) {
       Slots second = key_slots(seeded_key(91), 2, b.next_ms());
       const auto keys = key_slots(issuer().submitter, 3, b.next_ms());
       set_slot(second, keys[2]);
       b.append(Event::kKeyAdded, node_chain(issuer()), second);
       submit(b);
       publish(b, review(b, {}, seeded_key(91)));
     }},
    {"automation reviews with the submitter's key", "R2",
     [](auto& b) {
       submit(b);
       publish(b, review(b, {}, issuer().submitter));
     }},
    {"a stranger reviews", "R2",
     [](auto& b) {
       submit(b);
       publish(b, review(b, {}, parties().chat.reviewer));
     }},
    {"a key is used after its retirement", "R2",
     [](auto& b) {
       submit(b);
       b.append(Event::kKeyRetired, node_chain(issuer()), gone_slots(issuer().reviewer));
       publish(b, review(b));
     }},
    {"a key is used after it was compromised", "R2",
     [](auto& b) {
       submit(b);
       b.append(Event::kKeyCompromised, node_chain(issuer()), gone_slots(issuer().reviewer));
       publish(b, review(b));
     }},
    {"a key is used after its validity", "R2",
     [](auto& b) {
       b.advance_ms(400 * kDayMs);
       b.append(Event::kKeyAdded, node_chain(issuer()), key_slots(seeded_key(90), 3, b.next_ms()));
       submit(b, [](Slots& s) { set_slot(s, key_id_slot(6, seeded_key(90))); });
       publish(b, review(b));
     }},
    {"an attestation was made for another signal", "R2",
     [](auto& b) {
       append_signal(b, 1);
       append_signal(b, 2);
       auto& records = b.records();
       const std::size_t last = records.size();
       records[last - 2].slots = records[last - 5].slots;
       records[last - 2].key_a = records[last - 5].key_a;
       b.rebuild();
     }},
    {"a decision was changed after it was attested", "R2",
     [](auto& b) {
       share(b);
       set_slot(b.records()[b.records().size() - 2].slots, slot_text(1, "4.3"));
       b.rebuild();
     }},
    {"an attestation was made for another event", "R2",
     [](auto& b) {
       submit(b);
       Slots slots = reviewed_slots(issuer().reviewer, b.next_ms());
       const std::uint64_t at =
           b.append_attested(Event::kReceiverReviewed, chain(), slots, issuer().reviewer);
       b.records()[at].leaf.event = static_cast<std::uint16_t>(Event::kReviewed);
       b.rebuild();
     }},
    {"the role claimed is not the key's", "R2",
     [](auto& b) {
       submit(b);
       publish(b, review(b, [](Slots& s) { set_slot(s, number(9, SlotType::kEnum, 2)); }));
     }},
    {"a review tells of a time after itself", "R17",
     [](auto& b) {
       submit(b);
       publish(b,
               review(b, [&](Slots& s) { set_slot(s, number(11, SlotType::kTime, b.next_ms() + kDayMs)); }));
     }},
    {"published to a group that nobody set", "R5",
     [](auto& b) {
       submit(b);
       publish(b, review(b), [](Slots& s) { set_slot(s, slot_bytes(0, SlotType::kHash, Hash{7})); });
     }},
    {"published to a past epoch of its group", "R5",
     [](auto& b) {
       b.append(Event::kGroupSet, node_chain(issuer()),
                group_slots(issuer(), {&issuer(), &parties().chat}, 2));
       share(b);
     }},
    {"a retraction leaves out a recipient", "R13",
     [](auto& b) {
       share(b);
       retract(b, [](Slots& s) {
         set_slot(s, slot_bytes(2, SlotType::kHash, recipient_set_digest({parties().photos.fingerprint})));
       });
     }},
    {"a retraction was due before it was issued", "R13",
     [](auto& b) {
       share(b);
       retract(b, [](Slots& s) { set_slot(s, number(3, SlotType::kTime, kLedgerStartMs)); });
     }},
    {"published after its retraction", "R14",
     [](auto& b) {
       const std::uint64_t at = share(b);
       retract(b);
       publish(b, at - 1);
     }},
    {"published after it expired", "R14",
     [](auto& b) {
       const std::uint64_t at = share(b);
       b.append(Event::kExpired, chain(), {slot_text(0, "end"), number(1, SlotType::kTime, b.next_ms())});
       publish(b, at - 1);
     }},
    {"a second genesis", "R16",
     [](auto& b) { b.append(Event::kGenesis, node_chain(issuer()), genesis_slots(issuer())); }},
    {"a key added outside the node's chain", "R16",
     [](auto& b) { b.append(Event::kKeyAdded, chain(), key_slots(seeded_key(90), 2, b.next_ms())); }},
    {"a signal in the node's own chain", "R16",
     [](auto& b) {
       b.append(Event::kSubmitted, node_chain(issuer()), submitted_slots(issuer(), 9, b.next_ms()));
     }},
    {"a submitter whom nobody added", "R16",
     [](auto& b) { submit(b, [](Slots& s) { set_slot(s, key_id_slot(6, seeded_key(90))); }); }},
    {"a group's epoch goes back", "R16",
     [](auto& b) {
       b.append(Event::kGroupSet, node_chain(issuer()), group_slots(issuer(), {&issuer()}, 1));
     }},
    {"a key is retired that nobody added", "R16",
     [](auto& b) { b.append(Event::kKeyRetired, node_chain(issuer()), gone_slots(seeded_key(90))); }},
    {"a signal without an end within three years", "R19",
     [](auto& b) {
       submit(b, [&](Slots& s) { set_slot(s, number(10, SlotType::kTime, b.next_ms() + 1100 * kDayMs)); });
     }},
    {"a signal that ended before it began", "R19",
     [](auto& b) { submit(b, [](Slots& s) { set_slot(s, number(10, SlotType::kTime, kLedgerStartMs)); }); }},
    {"a publication that outlives its signal", "R19",
     [](auto& b) {
       submit(b);
       publish(b, review(b),
               [&](Slots& s) { set_slot(s, number(7, SlotType::kTime, b.next_ms() + 300 * kDayMs)); });
     }},
    {"a review of what nobody submitted", "order", [](auto& b) { review(b); }},
    {"a review after a withdrawal", "order",
     [](auto& b) {
       submit(b);
       b.append(Event::kWithdrawn, chain(), {slot_text(0, "a mistake")});
       review(b);
     }},
    {"a receiver that answers and goes on matching", "R13",
     [](auto& b) {
       Slots slots = applied_slots(parties().chat, 1, 4, Hash{4}, b.next_ms());
       set_slot(slots, number(1, SlotType::kUint, 3));
       b.append(Event::kRetractionApplied, chain(), slots);
     }},
};

std::vector<const TestNode*> members() {
  return {&issuer(), &parties().photos, &parties().chat};
}

Audit audited(const std::function<void(LedgerBuilder&)>& write) {
  LedgerBuilder builder(issuer());
  append_foundation(builder, issuer(), members());
  write(builder);
  return verify_bundle(builder.bundle(), audit_options());
}

bool breaks(const Audit& audit, std::string_view rule) {
  const auto& all = audit.report.findings();
  return std::any_of(all.begin(), all.end(), [&](const Finding& f) {
    return (f.code.starts_with("V9.") || f.code.starts_with("V1")) && f.rule == rule;
  });
}

}  // namespace

TEST_CASE("an audit names the rule that a whole and honestly signed ledger broke") {
  for (const Breach& breach : kBreaches) {
    const Audit audit = audited(breach.write);
    INFO(breach.name << "\n" << printed(audit));
    // A signature that a valid key did not make is a forgery, not a breach.
    CHECK(audit.report.exit_code() == (found(audit, "V9.attestation") ? 8 : 10));
    CHECK(breaks(audit, breach.rule));
  }
}

TEST_CASE("a correct life of a signal breaks no rule") {
  const std::vector<std::function<void(LedgerBuilder&)>> lives = {
      [](auto& b) { share(b); },
      [](auto& b) {
        share(b);
        retract(b);
      },
      [](auto& b) {
        submit(b);
        review(b, [](Slots& s) { set_slot(s, number(0, SlotType::kEnum, 3)); });
        publish(b, review(b, {}, issuer().second_reviewer));
      },
      [](auto& b) {
        submit(b);
        b.append(Event::kWithdrawn, chain(), {slot_text(0, "a mistake")});
      },
      [](auto& b) {
        share(b);
        b.append(Event::kKeyRetired, node_chain(issuer()), gone_slots(issuer().reviewer));
      },
  };
  for (const auto& life : lives) {
    const Audit audit = audited(life);
    INFO(printed(audit));
    CHECK(audit.report.exit_code() == 0);
  }
}

TEST_CASE("a batch is judged for every signal it covers") {
  const auto batch = [](bool review_second) {
    return [review_second](LedgerBuilder& b) {
      b.append(Event::kSubmitted, chain(1), submitted_slots(issuer(), 1, b.next_ms()));
      b.append(Event::kSubmitted, chain(2), submitted_slots(issuer(), 2, b.next_ms()));
      const Hash batch_chain = batch_chain_id(issuer().chain_key, {});
      Slots reviewed = reviewed_slots(issuer().reviewer, b.next_ms());
      set_slot(reviewed,
               slot_hashes(13, review_second ? std::vector{chain(1), chain(2)} : std::vector{chain(1)}));
      const std::uint64_t at = b.append_attested(Event::kReviewed, batch_chain, reviewed, issuer().reviewer);
      Slots published = published_slots(at, b.next_ms());
      set_slot(published, slot_hashes(13, {chain(1), chain(2)}));
      b.append(Event::kPublished, batch_chain, published);
    };
  };
  const Audit whole = audited(batch(true));
  INFO(printed(whole));
  CHECK(whole.report.exit_code() == 0);
  CHECK(whole.facts.published == 2);
  const Audit half = audited(batch(false));
  CHECK(half.report.exit_code() == 10);
  CHECK(breaks(half, "R1"));
}

TEST_CASE("a genesis that is not of the ledger that signed is no breach but a forgery") {
  CorrectLedger ledger = correct_ledger();
  ledger.builder.records()[0].slots = genesis_slots(parties().chat);
  ledger.builder.rebuild();
  const Audit audit = verify_bundle(ledger.builder.bundle(), audit_options());
  CHECK(audit.report.exit_code() == 8);
  CHECK(found(audit, "V10.identity"));
}

TEST_CASE("due process is not judged on part of the evidence, and what was withheld is said") {
  const auto with = [](const std::function<void(CorrectLedger&)>& edit) {
    CorrectLedger ledger = correct_ledger();
    edit(ledger);
    return verify_bundle(ledger.builder.bundle(), audit_options());
  };
  const Audit withheld = with([](auto& l) { l.builder.records()[l.one.reviewed].withheld = true; });
  INFO(printed(withheld));
  CHECK(withheld.report.exit_code() == 7);
  CHECK(withheld.report.total() == 1);
  CHECK(found(withheld, "V8.withheld"));
  const Audit closed = with([](auto& l) { l.builder.records()[l.one.reviewed].open_a = false; });
  CHECK(closed.report.exit_code() == 7);
  CHECK(found(closed, "V8.withheld"));
  const Audit nothing = with([](auto& l) {
    for (BuiltRecord& record : l.builder.records()) record.withheld = true;
  });
  CHECK(nothing.report.exit_code() == 7);
  CHECK(nothing.report.total() == 1);
}

TEST_CASE("a mirror that opens nothing can be judged by its leaves") {
  CorrectLedger ledger = correct_ledger();
  BundleFiles files = ledger.builder.files();
  files.erase("openings");
  VerifyOptions options = audit_options();
  CHECK(verify_bundle(ledger.builder.pack(files), options).report.exit_code() == 7);
  options.leaves_only = true;
  CHECK(verify_bundle(ledger.builder.pack(files), options).report.exit_code() == 0);
}

}  // namespace tocsin::protocol
