#include "protocol/process/registry.h"

#include <algorithm>
#include <set>

#include "protocol/process/policy_override.h"

namespace tocsin::protocol {
namespace {

tl::unexpected<Error> refuse(std::string message) {
  return fail({Code::kFailedPrecondition,
               std::move(message),
               "due-process/R16",
               "keys, members, groups and charter change only by the node's own 05xx records, each following "
               "the last",
               {}});
}

template <typename Map>
auto* look_up(Map& map, const typename std::remove_const_t<Map>::key_type& key) {
  const auto at = map.find(key);
  return at == map.end() ? nullptr : &at->second;
}

ValidDescriptor judged_descriptor(const ValidEvent& event, std::uint8_t slot) {
  auto parsed = parse_descriptor(event.bytes(slot));
  CHECK_INVARIANT(parsed.has_value());
  return std::move(*parsed);
}

}  // namespace

bool same_pseudonym(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return lower(x) == lower(y); });
}

bool GroupEpoch::has_member(const Hash& node) const {
  return std::binary_search(members.begin(), members.end(), node);
}

Status Registry::judge(const RecordView& record, const Hash& issuer) const {
  const ValidEvent& event = *record.event;
  if (!is_node_event(event.event())) return refuse("this is not a 05xx record");
  if (event.event() == Event::kGenesis) return judge_genesis(record, issuer);
  if (!self_) return refuse("the ledger does not begin with GENESIS");
  if (record.leaf.chain != *node_chain_) return refuse("a 05xx record stands outside the node's own chain");
  switch (event.event()) {
    case Event::kKeyAdded:
      return judge_key_added(record);
    case Event::kKeyRetired:
    case Event::kKeyCompromised: {
      const RegisteredKey* gone = key(event.key_id(0));
      if (gone == nullptr) return refuse("the key was never added");
      if (gone->compromised || (gone->gone_index && event.event() == Event::kKeyRetired))
        return refuse("the key is already gone");
      return {};
    }
    case Event::kPeerSuspended:
      if (suspended(event.hash(0))) return refuse("the peer is already so");
      return {};
    case Event::kPeerResumed:
      if (!suspended(event.hash(0)) && !quarantined(event.hash(0))) return refuse("the peer is already so");
      return {};
    case Event::kEquivocationEvidence:
      return judge_equivocation(record);
    case Event::kWitnessPolicy:
      return judge_witness_policy(record);
    case Event::kEmergencyOverride:
      return judge_emergency(record);
    case Event::kIndexEpoch:
    case Event::kDisclosed:
      return {};
    default:
      return judge_membership(record);
  }
}

Status Registry::judge_genesis(const RecordView& record, const Hash& issuer) const {
  if (self_ || record.leaf.chain_seq != 0) return refuse("a ledger has one GENESIS, first in its chain");
  const auto descriptor = parse_descriptor(record.event->bytes(0));
  if (!descriptor) return refuse("GENESIS: " + descriptor.error().message);
  if (descriptor->fingerprint() != issuer) return refuse("GENESIS is another node's");
  return {};
}

Status Registry::judge_key_added(const RecordView& record) const {
  const ValidEvent& event = *record.event;
  const crypto::PublicKey added = event.hash(0);
  if (!crypto::check_public_key(added)) return refuse("the key is not an Ed25519 public key");
  if (key(key_id(added)) != nullptr) return refuse("the key was added before; a key has one role");
  if (event.number(3) >= event.number(4)) return refuse("the key's validity ends before it begins");
  if (static_cast<KeyRole>(event.number(1)) != KeyRole::kOperational) return {};
  if (!event.has(5)) return refuse("an operational key needs the descriptor that names it");
  const auto descriptor = parse_descriptor(event.bytes(5));
  if (!descriptor) return refuse("KEY_ADDED: " + descriptor.error().message);
  if (descriptor->fingerprint() != self_->fingerprint()) return refuse("the descriptor is another node's");
  if (descriptor->operational_key() != added) return refuse("the descriptor names another operational key");
  if (descriptor->message().sequence() <= self_->message().sequence())
    return refuse("the descriptor does not follow the last one");
  return {};
}

Status Registry::judge_membership(const RecordView& record) const {
  const ValidEvent& event = *record.event;
  switch (event.event()) {
    case Event::kGroupSet: {
      const GroupEpoch* last = current_group(event.hash(0));
      if (last != nullptr && event.number(1) <= last->epoch)
        return refuse("the group's epoch does not follow the last");
      if (last != nullptr && event.hash(kSlotOrigin) != last->coordinator)
        return refuse("the group has another coordinator");
      return {};
    }
    case Event::kMemberAdded: {
      const auto descriptor = parse_descriptor(event.bytes(0));
      if (!descriptor) return refuse("MEMBER_ADDED: " + descriptor.error().message);
      const Member* known = member(descriptor->fingerprint());
      if (known != nullptr && descriptor->message().sequence() < known->descriptor.message().sequence())
        return refuse("the member's descriptor is older than the one on record");
      return {};
    }
    case Event::kMemberRemoved:
      if (member(event.hash(0)) == nullptr) return refuse("no such member");
      return {};
    case Event::kCharterVersion: {
      const CharterVersion* last = charter(event.hash(0));
      if (last != nullptr && event.number(2) <= last->version)
        return refuse("the charter's version does not follow the last");
      return {};
    }
    default:
      return refuse("this is not a membership record");
  }
}

Status Registry::judge_witness_policy(const RecordView& record) const {
  const auto policy = Policy::parse(record.event->text(0));
  if (!policy) return refuse("WITNESS_POLICY: " + policy.error().message);
  const auto ours = [&](const PolicyLog& log) {
    return log.key.name == self_->message().log_origin() && log.key.key == self_->operational_key();
  };
  if (std::none_of(policy->logs().begin(), policy->logs().end(), ours))
    return refuse("the policy does not name this ledger's own key");
  return judge_override(*record.event);
}

Status Registry::judge_override(const ValidEvent& event) const {
  if (!event.has(1) && !event.has(2)) return {};
  if (!event.has(1) || !event.has(2)) return refuse("an override has a reason and the root key's signature");
  if (overridden_by(event) == nullptr) return refuse("the root key did not sign this override of a policy");
  return {};
}

Status Registry::judge_equivocation(const RecordView& record) const {
  const auto proof = equivocation_of(*record.event);
  if (!proof) return refuse("EQUIVOCATION_EVIDENCE: " + proof.error().message);
  const auto proven = verify_equivocation(*proof);
  if (!proven) return refuse("EQUIVOCATION_EVIDENCE: " + proven.error().message);
  if (proven->issuer != record.event->hash(kSlotOrigin))
    return refuse("the evidence is against another node");
  if (equivocation(equivocation_digest(*proof)) != nullptr)
    return refuse("this evidence is on record already");
  if (quarantined(proven->issuer)) return refuse("the node is in quarantine already");
  return {};
}

Status Registry::judge_emergency(const RecordView& record) const {
  const ValidEvent& event = *record.event;
  if (key_valid_at(event.key_id(8), record.leaf.time_ms, record.index) == nullptr)
    return refuse("the key that declares the emergency is not a key of this node, or no longer");
  if (event.number(2) <= record.leaf.time_ms) return refuse("the emergency was over before it was declared");
  return {};
}

const WitnessPolicy* Registry::overridden_by(const ValidEvent& event) const {
  const auto at =
      std::find_if(witness_policies_.rbegin(), witness_policies_.rend(), [&](const WitnessPolicy& policy) {
        return verify_policy_override(self_->root_key(), self_->message().log_origin(), policy.text,
                                      event.text(0), event.text(1), event.bytes(2))
            .has_value();
      });
  return at == witness_policies_.rend() ? nullptr : &*at;
}

void Registry::apply_descriptor(ValidDescriptor descriptor, const RecordView& record) {
  RegisteredKey added;
  added.key = descriptor.operational_key();
  added.id = key_id(added.key);
  added.role = KeyRole::kOperational;
  added.pseudonym = descriptor.name();
  added.valid_from_ms = descriptor.message().valid_from_ms();
  added.valid_until_ms = descriptor.message().valid_until_ms();
  added.added_index = record.index;
  keys_.emplace(added.id, std::move(added));
  self_ = std::move(descriptor);
}

void Registry::apply(const RecordView& record) {
  const ValidEvent& event = *record.event;
  switch (event.event()) {
    case Event::kGenesis:
      node_chain_ = record.leaf.chain;
      apply_descriptor(judged_descriptor(event, 0), record);
      break;
    case Event::kKeyAdded: {
      RegisteredKey added{key_id(event.hash(0)),
                          event.hash(0),
                          static_cast<KeyRole>(event.number(1)),
                          std::string(event.text(2)),
                          event.number(3),
                          event.number(4),
                          record.index,
                          {},
                          0,
                          false};
      if (added.role == KeyRole::kOperational) self_ = judged_descriptor(event, 5);
      keys_.emplace(added.id, std::move(added));
      break;
    }
    case Event::kKeyRetired:
    case Event::kKeyCompromised: {
      RegisteredKey* gone = look_up(keys_, event.key_id(0));
      CHECK_INVARIANT(gone != nullptr);
      if (!gone->gone_index) {
        gone->gone_index = record.index;
        gone->gone_ms = record.leaf.time_ms;
      }
      gone->compromised = event.event() == Event::kKeyCompromised;
      break;
    }
    case Event::kGroupSet:
      groups_[event.hash(0)].push_back({event.hash(0), event.number(1), std::string(event.text(2)),
                                        event.hashes(3), event.hash(kSlotOrigin), record.index,
                                        record.leaf.time_ms});
      break;
    case Event::kMemberAdded: {
      ValidDescriptor descriptor = judged_descriptor(event, 0);
      const Hash node = descriptor.fingerprint();
      members_.insert_or_assign(node, Member{std::move(descriptor), event.hash(1),
                                             static_cast<unsigned>(event.number(2)), record.leaf.time_ms});
      break;
    }
    case Event::kMemberRemoved:
      members_.erase(event.hash(0));
      break;
    case Event::kCharterVersion:
      charters_[event.hash(0)].push_back({event.hash(0), std::string(event.text(1)), event.number(2),
                                          std::string(event.text(3)), event.hash(kSlotOrigin), record.index});
      break;
    case Event::kEmergencyOverride:
      emergencies_[record.index] = {event.hashes(1), record.leaf.time_ms, event.number(2)};
      break;
    case Event::kWitnessPolicy: {
      auto policy = Policy::parse(event.text(0));
      CHECK_INVARIANT(policy.has_value());
      WitnessPolicy added;
      added.text = event.text(0);
      added.policy = std::make_shared<const Policy>(std::move(*policy));
      added.index = record.index;
      if (event.has(1) && event.has(2)) {
        const WitnessPolicy* overridden = overridden_by(event);
        CHECK_INVARIANT(overridden != nullptr);
        added.override_reason = event.text(1);
        added.overridden = overridden->text;
        added.override_signature = to_bytes(event.bytes(2));
      }
      witness_policies_.push_back(std::move(added));
      break;
    }
    case Event::kEquivocationEvidence: {
      auto proof = equivocation_of(event);
      CHECK_INVARIANT(proof.has_value());
      auto proven = verify_equivocation(*proof);
      CHECK_INVARIANT(proven.has_value());
      quarantined_.insert(proven->issuer);
      const Hash digest = equivocation_digest(*proof);
      equivocations_.push_back(
          {std::move(*proven), std::move(*proof), digest, record.index, record.leaf.time_ms});
      break;
    }
    case Event::kPeerSuspended:
      suspended_[event.hash(0)] = std::string(event.text(1));
      break;
    case Event::kPeerResumed:
      suspended_.erase(event.hash(0));
      quarantined_.erase(event.hash(0));
      break;
    case Event::kIndexEpoch:
      index_epoch_ = IndexRecord{record.index, record.leaf.time_ms};
      break;
    default:  // DISCLOSED
      CHECK_INVARIANT(is_node_event(event.event()));
  }
}

const ProvenEquivocation* Registry::equivocation(const Hash& digest) const {
  const auto at = std::find_if(equivocations_.begin(), equivocations_.end(),
                               [&](const ProvenEquivocation& proven) { return proven.digest == digest; });
  return at == equivocations_.end() ? nullptr : &*at;
}

const WitnessPolicy* Registry::witness_policy_at(std::uint64_t index) const {
  const WitnessPolicy* in_force = nullptr;
  for (const WitnessPolicy& policy : witness_policies_)
    if (policy.index < index) in_force = &policy;
  return in_force;
}

const RegisteredKey* Registry::operational_at(std::uint64_t size) const {
  const RegisteredKey* in_force = nullptr;
  for (const auto& [id, key] : keys_)
    if (key.role == KeyRole::kOperational && key.added_index < size &&
        (in_force == nullptr || in_force->added_index < key.added_index))
      in_force = &key;
  return in_force;
}

const RegisteredKey* Registry::key(const KeyId& id) const {
  return look_up(keys_, id);
}

const RegisteredKey* Registry::key_valid_at(const KeyId& id, std::uint64_t time_ms,
                                            std::uint64_t index) const {
  const RegisteredKey* found = key(id);
  return found != nullptr && found->valid_at(time_ms, index) ? found : nullptr;
}

std::vector<const RegisteredKey*> Registry::keys() const {
  std::vector<const RegisteredKey*> out;
  for (const auto& [id, key] : keys_) out.push_back(&key);
  return out;
}

const GroupEpoch* Registry::group(const Hash& group, std::uint64_t epoch) const {
  const auto* epochs = look_up(groups_, group);
  if (epochs == nullptr) return nullptr;
  const auto at =
      std::find_if(epochs->begin(), epochs->end(), [&](const auto& e) { return e.epoch == epoch; });
  return at == epochs->end() ? nullptr : &*at;
}

const GroupEpoch* Registry::current_group(const Hash& group) const {
  return group_at(group, UINT64_MAX);
}

const GroupEpoch* Registry::group_at(const Hash& group, std::uint64_t index) const {
  const auto* epochs = look_up(groups_, group);
  if (epochs == nullptr) return nullptr;
  const auto at =
      std::find_if(epochs->rbegin(), epochs->rend(), [&](const auto& e) { return e.index < index; });
  return at == epochs->rend() ? nullptr : &*at;
}

std::vector<const GroupEpoch*> Registry::current_groups() const {
  std::vector<const GroupEpoch*> out;
  for (const auto& [group, epochs] : groups_) out.push_back(&epochs.back());
  return out;
}

std::vector<Hash> Registry::members_between(const Hash& group, std::uint64_t first,
                                            std::uint64_t last) const {
  std::set<Hash> out;
  const auto* epochs = look_up(groups_, group);
  for (std::size_t i = 0; epochs != nullptr && i < epochs->size(); ++i) {
    const bool superseded = i + 1 < epochs->size() && (*epochs)[i + 1].index < first;
    if (!superseded && (*epochs)[i].index < last)
      out.insert((*epochs)[i].members.begin(), (*epochs)[i].members.end());
  }
  return {out.begin(), out.end()};
}

const Member* Registry::member(const Hash& fingerprint) const {
  return look_up(members_, fingerprint);
}

const Member* Registry::member_named(std::string_view name) const {
  for (const auto& [node, member] : members_)
    if (member.descriptor.name() == name) return &member;
  return nullptr;
}

std::vector<const Member*> Registry::members() const {
  std::vector<const Member*> out;
  for (const auto& [node, member] : members_) out.push_back(&member);
  return out;
}

const CharterVersion* Registry::charter(const Hash& network) const {
  const auto* versions = look_up(charters_, network);
  return versions == nullptr ? nullptr : &versions->back();
}

const CharterVersion* Registry::charter(const Hash& network, std::uint64_t version) const {
  const auto* versions = look_up(charters_, network);
  if (versions == nullptr) return nullptr;
  const auto at =
      std::find_if(versions->begin(), versions->end(), [&](const auto& v) { return v.version == version; });
  return at == versions->end() ? nullptr : &*at;
}

std::vector<const CharterVersion*> Registry::charters() const {
  std::vector<const CharterVersion*> out;
  for (const auto& [network, versions] : charters_) out.push_back(&versions.back());
  return out;
}

std::vector<const CharterVersion*> Registry::charters_at(std::uint64_t index) const {
  std::vector<const CharterVersion*> out;
  for (const auto& [network, versions] : charters_) {
    const auto at =
        std::find_if(versions.rbegin(), versions.rend(), [&](const auto& v) { return v.index < index; });
    if (at != versions.rend()) out.push_back(&*at);
  }
  return out;
}

const EmergencyOverride* Registry::emergency(std::uint64_t at, std::uint64_t index) const {
  return at < index ? look_up(emergencies_, at) : nullptr;
}

}  // namespace tocsin::protocol
