#pragma once
// Registry: what one ledger's 05xx records say: the node's keys, its members, groups, charters and suspended
// peers.
//
// A fold of that ledger in index order, rebuilt by replay. Questions about the past take the index of the
// record that asks, so a registry that has already read further answers the same. Errors of judge():
// kFailedPrecondition, rule "due-process/R16". Concurrency: a value; const methods from any thread while
// nobody applies. Pointers last until the next apply(). Source: SPEC §4, §8; due-process.md R16.

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/evidence/equivocation.h"
#include "protocol/identity/descriptor.h"
#include "protocol/log/policy.h"
#include "protocol/process/record.h"

namespace tocsin::protocol {

enum class KeyRole : std::uint8_t { kOperational = 1, kReviewer = 2, kSubmitter = 3, kAppealsOfficer = 4 };

// Whether two pseudonyms are one person's: compared without regard to the case of ASCII letters.
bool same_pseudonym(std::string_view a, std::string_view b);

struct RegisteredKey {
  KeyId id{};
  crypto::PublicKey key{};
  KeyRole role{};
  std::string pseudonym;
  std::uint64_t valid_from_ms = 0;
  std::uint64_t valid_until_ms = 0;
  std::uint64_t added_index = 0;
  std::optional<std::uint64_t> gone_index;  // retired or compromised
  std::uint64_t gone_ms = 0;
  bool compromised = false;

  // Added before record `index` and not gone by then, and the time within its dates.
  bool valid_at(std::uint64_t time_ms, std::uint64_t index) const {
    return added_index < index && (!gone_index || index < *gone_index) && valid_from_ms <= time_ms &&
           time_ms < valid_until_ms;
  }
};

struct GroupEpoch {
  Hash group{};
  std::uint64_t epoch = 0;
  std::string name;
  std::vector<Hash> members;  // root fingerprints, ascending
  Hash coordinator{};
  std::uint64_t index = 0;  // of the record that set it
  std::uint64_t time_ms = 0;

  bool has_member(const Hash& node) const;
};

struct Member {
  ValidDescriptor descriptor;
  Hash network{};
  unsigned confirmed_by = 0;  // 1 safety words, 2 fingerprint, 3 the coordinator's record
  std::uint64_t added_ms = 0;
};

// The newest INDEX_EPOCH record.
struct IndexRecord {
  std::uint64_t index = 0;
  std::uint64_t time_ms = 0;
};

struct CharterVersion {
  Hash network{};
  std::string name;
  std::uint64_t version = 0;
  std::string text;
  Hash coordinator{};
  std::uint64_t index = 0;  // of the record that brought it
};

// R7: what may be acted on before it was reviewed.
struct EmergencyOverride {
  std::vector<Hash> signals;  // ascending
  std::uint64_t time_ms = 0;
  std::uint64_t until_ms = 0;
};

// What the ledger says must cosign its checkpoints, from the record after `index` on.
struct WitnessPolicy {
  std::string text;  // a tlog-policy
  std::shared_ptr<const Policy> policy;
  std::uint64_t index = 0;
  // Why it replaced `overridden`, and what came behind that, without their quorums, by the root key's
  // signature; empty: it did not.
  std::string override_reason;
  std::string overridden;  // that policy's text
  Bytes override_signature;
};

// An EQUIVOCATION_EVIDENCE record: what it proves, and the proof with its digest.
struct ProvenEquivocation {
  Equivocation what;
  EquivocationProof proof;
  Hash digest{};
  std::uint64_t index = 0;
  std::uint64_t time_ms = 0;
};

class Registry {
 public:
  // `record` is a 05xx record, next in index order; `issuer` whose ledger it stands in.
  Status judge(const RecordView& record, const Hash& issuer) const;
  // Precondition: judge() accepted it.
  void apply(const RecordView& record);

  // The node's newest descriptor, from GENESIS and later operational keys; null before GENESIS.
  const ValidDescriptor* self() const { return self_ ? &*self_ : nullptr; }
  // The chain that 05xx records stand in.
  const std::optional<Hash>& node_chain() const { return node_chain_; }

  // The operational key in force over a ledger of that size: what signs its checkpoint (SPEC §2); null before
  // GENESIS.
  const RegisteredKey* operational_at(std::uint64_t size) const;
  const RegisteredKey* key(const KeyId& id) const;
  const RegisteredKey* key_valid_at(const KeyId& id, std::uint64_t time_ms, std::uint64_t index) const;
  std::vector<const RegisteredKey*> keys() const;

  const GroupEpoch* group(const Hash& group, std::uint64_t epoch) const;
  const GroupEpoch* current_group(const Hash& group) const;
  const GroupEpoch* group_at(const Hash& group,
                             std::uint64_t index) const;  // in force when `index` was written
  std::vector<const GroupEpoch*> current_groups() const;
  // Everybody who was a member at some time between two records.
  std::vector<Hash> members_between(const Hash& group, std::uint64_t first, std::uint64_t last) const;

  const Member* member(const Hash& fingerprint) const;
  const Member* member_named(std::string_view name) const;
  std::vector<const Member*> members() const;

  const CharterVersion* charter(const Hash& network) const;  // the newest version
  const CharterVersion* charter(const Hash& network, std::uint64_t version) const;
  std::vector<const CharterVersion*> charters() const;  // the newest of each network

  // The newest of each network as of record `index`.
  std::vector<const CharterVersion*> charters_at(std::uint64_t index) const;
  // The override that record `at` declared; null when that is none, or not before record `index`.
  const EmergencyOverride* emergency(std::uint64_t at, std::uint64_t index) const;

  // Ascending; empty: none was ever set.
  const std::vector<WitnessPolicy>& witness_policies() const { return witness_policies_; }
  // In force over record `index`; null when none was set before it.
  const WitnessPolicy* witness_policy_at(std::uint64_t index) const;
  const std::optional<IndexRecord>& index_epoch() const { return index_epoch_; }

  bool suspended(const Hash& peer) const { return suspended_.contains(peer); }
  const std::map<Hash, std::string>& suspended_peers() const { return suspended_; }  // with the reasons

  // Ascending; never forgotten, whatever becomes of the quarantine.
  const std::vector<ProvenEquivocation>& equivocations() const { return equivocations_; }
  const ProvenEquivocation* equivocation(const Hash& digest) const;
  // Proven to have shown two histories, and not resumed since (SPEC §13).
  bool quarantined(const Hash& peer) const { return quarantined_.contains(peer); }

 private:
  Status judge_genesis(const RecordView& record, const Hash& issuer) const;
  Status judge_key_added(const RecordView& record) const;
  Status judge_membership(const RecordView& record) const;
  Status judge_witness_policy(const RecordView& record) const;
  Status judge_equivocation(const RecordView& record) const;
  Status judge_emergency(const RecordView& record) const;
  Status judge_override(const ValidEvent& event) const;
  const WitnessPolicy* overridden_by(const ValidEvent& event) const;
  void apply_descriptor(ValidDescriptor descriptor, const RecordView& record);

  std::optional<ValidDescriptor> self_;
  std::optional<Hash> node_chain_;
  std::optional<IndexRecord> index_epoch_;
  std::map<KeyId, RegisteredKey> keys_;
  std::map<Hash, std::vector<GroupEpoch>> groups_;  // ascending epochs
  std::map<Hash, Member> members_;
  std::map<Hash, std::vector<CharterVersion>> charters_;  // ascending versions
  std::map<Hash, std::string> suspended_;
  std::vector<ProvenEquivocation> equivocations_;
  std::set<Hash> quarantined_;
  std::vector<WitnessPolicy> witness_policies_;  // ascending
  std::map<std::uint64_t, EmergencyOverride> emergencies_;
};

}  // namespace tocsin::protocol
