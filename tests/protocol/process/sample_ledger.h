#pragma once
// A ledger of one node for tests of the rules: makes records one after another, attested where a human signs,
// and folds its own 05xx records. Everything it writes is right unless a test changes a slot.

#include <deque>
#include <functional>

#include "crypto/hash.h"
#include "protocol/identity/ids.h"
#include "protocol/process/attestation.h"
#include "protocol/process/case_state.h"
#include "protocol/process/registry.h"
#include "tests/protocol/identity/sample_node.h"
#include "tests/protocol/process/sample_events.h"

namespace tocsin::protocol::test {

inline constexpr std::uint64_t kStart = 1'700'000'000'000;
inline constexpr std::uint64_t kHour = 3'600'000;
inline constexpr std::uint64_t kDay = 24 * kHour;

using Change = std::function<void(std::vector<SlotValue>&)>;

inline void put(std::vector<SlotValue>& slots, SlotValue value) {
  for (SlotValue& slot : slots) {
    if (slot.slot == value.slot) {
      slot = std::move(value);
      return;
    }
  }
  const auto at =
      std::find_if(slots.begin(), slots.end(), [&](const auto& s) { return s.slot > value.slot; });
  slots.insert(at, std::move(value));
}

class SampleLedger {
 public:
  explicit SampleLedger(const std::string& name, std::uint8_t seed) : name_(name), seed_(seed) {
    node(Event::kGenesis, [&](auto& s) { put(s, slot_bytes(0, SlotType::kSigned, descriptor())); });
    add_key(reviewer(), KeyRole::kReviewer, "rita");
    add_key(submitter(), KeyRole::kSubmitter, "sam");
  }

  Hash self() const { return fingerprint(key_from(seed_).public_key()); }
  crypto::SigningKey reviewer() const { return key_from(static_cast<std::uint8_t>(seed_ + 2)); }
  crypto::SigningKey submitter() const { return key_from(static_cast<std::uint8_t>(seed_ + 3)); }
  Bytes descriptor() const { return to_bytes(as_view(sample_signed(name_, seed_).SerializeAsString())); }
  const Registry& registry() const { return registry_; }
  FoldContext context() const { return FoldContext{self(), registry_}; }
  std::uint64_t now() const { return time_; }
  void pass(std::uint64_t ms) { time_ += ms; }
  Hash chain_of(const Hash& signal) const { return signal_chain_id(Secret<32>(filled(seed_)), signal); }

  // A record from exactly these slots; attested by `signer` when given.
  RecordView record(Event event, const Hash& chain, std::vector<SlotValue> slots,
                    const crypto::SigningKey* signer = nullptr) {
    RecordView view;
    view.index = next_++;
    view.leaf.event = static_cast<std::uint16_t>(event);
    view.leaf.time_ms = time_;
    view.leaf.chain = chain;
    view.key_a = filled(0x77);
    if (signer != nullptr) {
      const auto slot = attest({self(), event, chain}, view.key_a, slots, *signer);
      CHECK_INVARIANT(slot.has_value());
      put(slots, *slot);
    }
    auto parsed = ValidEvent::parse(event, std::move(slots));
    CHECK_INVARIANT(parsed.has_value());
    events_.push_back(std::move(*parsed));
    view.event = &events_.back();
    view.leaf.body_root[0] = static_cast<std::uint8_t>(view.index);
    view.leaf_hash = crypto::sha256(crypto::sha256({reinterpret_cast<const std::uint8_t*>(&view.index), 8}));
    return view;
  }

  RecordView node(Event event, const Change& change = {}) {
    std::vector<SlotValue> slots = sample_slots(event, false);
    if (change) change(slots);
    RecordView view = record(event, node_chain_id(Secret<32>(filled(seed_))), std::move(slots));
    if (registry_.judge(view, self())) registry_.apply(view);
    return view;
  }

  RecordView add_key(const crypto::SigningKey& key, KeyRole role, std::string_view pseudonym) {
    return node(Event::kKeyAdded, [&](auto& s) {
      put(s, slot_bytes(0, SlotType::kKey, key.public_key()));
      put(s, slot_number(1, SlotType::kEnum, static_cast<std::uint64_t>(role)));
      put(s, slot_text(2, pseudonym));
      put(s, slot_number(3, SlotType::kTime, 0));
      put(s, slot_number(4, SlotType::kTime, kStart + 1000 * kDay));
    });
  }

  RecordView set_group(const Hash& group, std::uint64_t epoch, std::vector<Hash> members) {
    return node(Event::kGroupSet, [&](auto& s) {
      put(s, slot_bytes(0, SlotType::kHash, group));
      put(s, slot_number(1, SlotType::kUint, epoch));
      put(s, slot_hashes(3, std::move(members)));
      put(s, slot_bytes(14, SlotType::kHash, self()));
    });
  }

  RecordView submitted(const Bytes& indicator, const Change& change = {}) {
    return about(Event::kSubmitted, chain_of(signal_id(self(), indicator)), [&](auto& s) {
      put(s, slot_bytes(0, SlotType::kIndicator, indicator));
      put(s, slot_bytes(6, SlotType::kKeyId, key_id(submitter().public_key())));
      put(s, slot_number(10, SlotType::kTime, time_ + 365 * kDay));
      if (change) change(s);
    });
  }

  // REVIEWED or RECEIVER_REVIEWED.
  RecordView reviewed(Event event, const Hash& chain, unsigned decision, const Change& change = {}) {
    std::vector<SlotValue> slots = sample_slots(event, false);
    slots.erase(
        std::find_if(slots.begin(), slots.end(), [](const auto& s) { return s.slot == kSlotAttestation; }));
    const crypto::SigningKey signer = reviewer();
    put(slots, slot_number(0, SlotType::kEnum, decision));
    put(slots, slot_number(6, SlotType::kUint, 31));
    put(slots, slot_bytes(8, SlotType::kKeyId, key_id(signer.public_key())));
    put(slots, slot_number(11, SlotType::kTime, time_));
    put(slots, slot_number(12, SlotType::kTime, time_ + 30 * kDay));
    if (change) change(slots);
    return record(event, chain, std::move(slots), &signer);
  }

  RecordView published(const Hash& chain, const Hash& group, std::uint64_t epoch, std::uint64_t review,
                       const Change& change = {}) {
    return about(Event::kPublished, chain, [&](auto& s) {
      put(s, slot_bytes(0, SlotType::kHash, group));
      put(s, slot_number(1, SlotType::kUint, epoch));
      put(s, slot_number(2, SlotType::kUint, review));
      put(s, slot_number(7, SlotType::kTime, time_ + 300 * kDay));
      if (change) change(s);
    });
  }

  RecordView retraction(const Hash& chain, const Change& change = {}) {
    return about(Event::kRetractionIssued, chain, [&](auto& s) {
      put(s, slot_number(3, SlotType::kTime, time_ + kHour));
      put(s, slot_bytes(8, SlotType::kKeyId, key_id(submitter().public_key())));
      if (change) change(s);
    });
  }

  RecordView about(Event event, const Hash& chain, const Change& change = {}) {
    std::vector<SlotValue> slots = sample_slots(event, false);
    if (change) change(slots);
    return record(event, chain, std::move(slots));
  }

  // A receiver's word on one signal of another node.
  RecordView receiver(Event event, const Hash& origin, const Hash& signal, const Change& change = {}) {
    const auto whose = [&](auto& s) {
      put(s, slot_hashes(13, {signal}));
      put(s, slot_bytes(14, SlotType::kHash, origin));
    };
    if (event == Event::kReceiverReviewed)
      return reviewed(event, filled(0xB0), 1, [&](auto& s) {
        whose(s);
        if (change) change(s);
      });
    return about(event, filled(0xB1), [&](auto& s) {
      whose(s);
      if (event == Event::kRetractionApplied) {
        put(s, slot_number(0, SlotType::kTime, time_));
        put(s, slot_number(1, SlotType::kUint, 0));
      }
      if (change) change(s);
    });
  }

  RecordView opinion(const Hash& origin, const Hash& signal, unsigned stance, const Hash& labels,
                     bool human = true) {
    std::vector<SlotValue> slots = sample_slots(Event::kOpinion, false);
    const crypto::SigningKey signer = reviewer();
    put(slots, slot_number(0, SlotType::kEnum, stance));
    put(slots, slot_bytes(2, SlotType::kHash, labels));
    put(slots, slot_number(3, SlotType::kEnum, human ? 1 : 2));
    put(slots, slot_number(11, SlotType::kTime, time_));
    put(slots, slot_hashes(13, {signal}));
    put(slots, slot_bytes(14, SlotType::kHash, origin));
    if (human) put(slots, slot_bytes(8, SlotType::kKeyId, key_id(signer.public_key())));
    return record(Event::kOpinion, filled(0xB2), std::move(slots), human ? &signer : nullptr);
  }

 private:
  std::string name_;
  std::uint8_t seed_;
  std::uint64_t next_ = 0;
  std::uint64_t time_ = kStart;
  std::deque<ValidEvent> events_;
  Registry registry_;
};

}  // namespace tocsin::protocol::test
