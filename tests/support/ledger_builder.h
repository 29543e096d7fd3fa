#pragma once
// A small ledger made by hand with keys that are the same in every run: correct unless a test says otherwise.
//
// Records are kept open, so that a test can change one and build the tree, the notes and the bundle again as
// a dishonest operator would (rebuild()), or change the finished files as a stranger would (files(), pack()).

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/sign.h"
#include "protocol/log/checkpoint.h"
#include "protocol/log/leaf.h"
#include "protocol/log/slots.h"
#include "protocol/process/event.h"

namespace tocsin::test {

inline constexpr std::uint64_t kLedgerStartMs = 1'767'225'600'000;  // 2026-01-01
inline constexpr std::uint64_t kDayMs = 86'400'000;

crypto::SigningKey seeded_key(std::uint8_t seed);

// A node with every key it needs, all derived from one number.
struct TestNode {
  explicit TestNode(std::string node_name, std::uint8_t seed);
  std::string name;
  std::string origin;  // of its ledger
  crypto::SigningKey root, operational, submitter, reviewer, second_reviewer;
  Secret<32> chain_key;
  Hash fingerprint{};
  Bytes descriptor;  // serialised SignedDescriptor
};

struct BuiltRecord {
  protocol::Leaf leaf;
  Hash key_a{};
  Hash key_p{};
  std::vector<protocol::SlotValue> slots;  // both classes, ascending
  bool open_a = true;
  bool open_p = true;
  bool withheld = false;  // no opening at all
};

using BundleFiles = std::map<std::string, std::string>;

class LedgerBuilder {
 public:
  explicit LedgerBuilder(const TestNode& node) : node_(node) {}

  // Appends with the chain's next link; returns the index. Each record comes a second after the one before.
  std::uint64_t append(protocol::Event event, const Hash& chain, std::vector<protocol::SlotValue> slots);
  // The same with slot 15 signed by `reviewer`.
  std::uint64_t append_attested(protocol::Event event, const Hash& chain,
                                std::vector<protocol::SlotValue> slots, const crypto::SigningKey& reviewer);
  std::uint64_t next_ms() const { return clock_ms_ + 1000; }
  void advance_ms(std::uint64_t by) { clock_ms_ += by; }

  std::vector<BuiltRecord>& records() { return records_; }
  // After a change to records(): roots from slots, and, when `relink`, every chain's links anew.
  void rebuild(bool relink = true);

  protocol::TreeHead head(std::size_t size) const;
  protocol::TreeHead head() const { return head(records_.size()); }
  Hash hash_of(std::size_t index) const;
  // Signed by the operational key and cosigned by witnesses 201 and 202.
  std::string checkpoint(std::size_t size) const;
  // Without a manifest; with checkpoint.old when asked for.
  BundleFiles files(std::optional<std::size_t> old_size = std::nullopt) const;
  // The files with their manifest, signed by the operational key.
  Bytes pack(const BundleFiles& files) const;
  Bytes bundle() const { return pack(files()); }

  const TestNode& node() const { return node_; }

 private:
  void commit(BuiltRecord& record) const;

  const TestNode& node_;
  std::vector<BuiltRecord> records_;
  std::map<Hash, std::uint64_t> heads_;  // chain -> index of its last record
  std::uint64_t clock_ms_ = kLedgerStartMs;
};

// Both witnesses must cosign; `log` is the node's key.
std::string policy_text(const TestNode& node);
std::string vkey_text(const TestNode& node);
std::string cosign(std::string note, std::uint8_t witness_seed, std::uint64_t time_s);
// Any files as an archive, names as they are, with no manifest added.
Bytes pack_raw(const BundleFiles& files);
std::string signed_manifest(const BundleFiles& files, std::string_view origin, const crypto::SigningKey& key);

}  // namespace tocsin::test
