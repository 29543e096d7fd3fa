#include "tests/support/ledger_builder.h"

#include <algorithm>
#include <stdexcept>

#include "crypto/base/encoding.h"
#include "crypto/hash.h"
#include "protocol/identity/descriptor.h"
#include "protocol/identity/ids.h"
#include "protocol/log/merkle.h"
#include "protocol/log/note.h"
#include "protocol/log/proof.h"
#include "protocol/log/tile.h"
#include "protocol/verify/bundle.h"
#include "protocol/verify/bundle_writer.h"
#include "protocol/verify/sshsig.h"
#include "protocol/verify/tar.h"
#include "tocsin/v1/record.pb.h"

namespace tocsin::test {
namespace {

using namespace protocol;

template <typename T>
T must(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  return std::move(*result);
}
void must(const Status& status) {
  if (!status) throw std::runtime_error(status.error().message);
}

Secret<32> seeded_secret(std::uint8_t seed) {
  FixedBytes<32> bytes;
  bytes.fill(seed);
  return Secret<32>(bytes);
}

Bytes made_descriptor(const TestNode& node) {
  v1::NodeDescriptor body;
  body.set_name(node.name);
  body.set_address(node.name + ":7443");
  body.set_root_key(to_string(node.root.public_key()));
  body.set_operational_key(to_string(node.operational.public_key()));
  // The base point: a valid X25519 key that nobody seals to here.
  FixedBytes<32> envelope{};
  envelope[0] = 9;
  body.set_envelope_key(to_string(envelope));
  body.set_tls_spki_sha256(to_string(crypto::sha256(as_view(node.name))));
  body.set_log_origin(node.origin);
  body.set_sequence(1);
  body.set_valid_from_ms(kLedgerStartMs - kDayMs);
  body.set_valid_until_ms(kLedgerStartMs + 3650 * kDayMs);
  const v1::SignedDescriptor made = must(sign_descriptor(body, node.root));
  return to_bytes(as_view(made.SerializeAsString()));
}

std::vector<SlotValue> of_class(const std::vector<SlotValue>& slots, SlotClass slot_class) {
  std::vector<SlotValue> out;
  std::copy_if(slots.begin(), slots.end(), std::back_inserter(out),
               [&](const SlotValue& slot) { return class_of(slot.slot) == slot_class; });
  return out;
}

Hash record_key(std::size_t index, char slot_class) {
  return crypto::sha256_parts(
      {as_view("record key"), as_view(std::to_string(index)), as_view(std::string_view(&slot_class, 1))});
}

Hash root_of(SlotClass slot_class, const Hash& key, const std::vector<SlotValue>& slots) {
  return must(class_root(slot_class, ClassKey(key), of_class(slots, slot_class)));
}

v1::Opening opening_of(std::size_t index, const BuiltRecord& record) {
  v1::Opening out;
  out.set_index(index);
  if (record.open_a) {
    out.set_key_a(to_string(record.key_a));
    out.set_slots_a(to_string(pack_slots(of_class(record.slots, SlotClass::kAccountability))));
  } else {
    out.set_root_a(to_string(root_of(SlotClass::kAccountability, record.key_a, record.slots)));
  }
  if (record.open_p) {
    out.set_key_p(to_string(record.key_p));
    out.set_slots_p(to_string(pack_slots(of_class(record.slots, SlotClass::kPersonal))));
  } else {
    out.set_root_p(to_string(root_of(SlotClass::kPersonal, record.key_p, record.slots)));
  }
  return out;
}

VerifierKey witness_key(std::uint8_t seed) {
  return must(make_verifier_key("witness" + std::to_string(seed), KeyType::kCosignatureV1,
                                seeded_key(seed).public_key()));
}

}  // namespace

crypto::SigningKey seeded_key(std::uint8_t seed) {
  return crypto::SigningKey::from_seed(seeded_secret(seed));
}

TestNode::TestNode(std::string node_name, std::uint8_t seed)
    : name(std::move(node_name)),
      origin(name + "/ledger"),
      root(seeded_key(seed)),
      operational(seeded_key(static_cast<std::uint8_t>(seed + 1))),
      submitter(seeded_key(static_cast<std::uint8_t>(seed + 2))),
      reviewer(seeded_key(static_cast<std::uint8_t>(seed + 3))),
      second_reviewer(seeded_key(static_cast<std::uint8_t>(seed + 4))),
      chain_key(seeded_secret(static_cast<std::uint8_t>(seed + 5))),
      fingerprint(protocol::fingerprint(root.public_key())) {
  descriptor = made_descriptor(*this);
}

void LedgerBuilder::commit(BuiltRecord& record) const {
  record.leaf.body_root = body_root(root_of(SlotClass::kAccountability, record.key_a, record.slots),
                                    root_of(SlotClass::kPersonal, record.key_p, record.slots));
  const bool personal = !of_class(record.slots, SlotClass::kPersonal).empty();
  record.leaf.flags = personal ? kLeafPersonal : 0;
}

std::uint64_t LedgerBuilder::append(Event event, const Hash& chain, std::vector<SlotValue> slots) {
  std::sort(slots.begin(), slots.end(), [](const auto& a, const auto& b) { return a.slot < b.slot; });
  BuiltRecord record;
  record.slots = std::move(slots);
  record.key_a = record_key(records_.size(), 'a');
  record.key_p = record_key(records_.size(), 'p');
  record.leaf.event = static_cast<std::uint16_t>(event);
  record.leaf.time_ms = clock_ms_ = next_ms();
  record.leaf.chain = chain;
  if (const auto last = heads_.find(chain); last != heads_.end()) {
    record.leaf.chain_seq = records_[last->second].leaf.chain_seq + 1;
    record.leaf.previous = hash_of(last->second);
    record.leaf.previous_index = last->second;
  }
  commit(record);
  records_.push_back(std::move(record));
  heads_[chain] = records_.size() - 1;
  return records_.size() - 1;
}

std::uint64_t LedgerBuilder::append_attested(Event event, const Hash& chain, std::vector<SlotValue> slots,
                                             const crypto::SigningKey& reviewer) {
  const Hash key = record_key(records_.size(), 'a');
  const auto row = must(class_commitments(SlotClass::kAccountability, ClassKey(key),
                                          of_class(slots, SlotClass::kAccountability)));
  Bytes decided;
  for (std::size_t i = 0; i < kSlotAttestation; ++i) tocsin::append(decided, row[i]);
  const auto reviewed =
      std::find_if(slots.begin(), slots.end(), [](const SlotValue& slot) { return slot.slot == 11; });
  Bytes message = to_bytes(node_.fingerprint);
  append_be(message, static_cast<std::uint16_t>(event));
  tocsin::append(message, chain);
  tocsin::append(message, reviewed->value);
  tocsin::append(message, crypto::sha256(decided));
  Bytes value = to_bytes(key_id(reviewer.public_key()));
  tocsin::append(value, reviewer.sign("attestation", message));
  slots.push_back(slot_bytes(kSlotAttestation, SlotType::kAttestation, value));
  return append(event, chain, std::move(slots));
}

void LedgerBuilder::rebuild(bool relink) {
  heads_.clear();
  for (std::size_t i = 0; i < records_.size(); ++i) {
    BuiltRecord& record = records_[i];
    commit(record);
    if (!relink) continue;
    const auto last = heads_.find(record.leaf.chain);
    const bool first = last == heads_.end();
    record.leaf.chain_seq = first ? 0 : records_[last->second].leaf.chain_seq + 1;
    record.leaf.previous = first ? Hash{} : hash_of(last->second);
    record.leaf.previous_index = first ? kNoPrevious : last->second;
    heads_[record.leaf.chain] = i;
  }
}

Hash LedgerBuilder::hash_of(std::size_t index) const {
  return leaf_hash(encode_leaf(records_[index].leaf));
}

TreeHead LedgerBuilder::head(std::size_t size) const {
  CompactRange range;
  for (std::size_t i = 0; i < size; ++i) range.append(hash_of(i));
  return {size, range.root()};
}

std::string LedgerBuilder::checkpoint(std::size_t size) const {
  const std::uint64_t time_s = (size == 0 ? kLedgerStartMs : records_[size - 1].leaf.time_ms) / 1000 + 1;
  std::string note = sign_checkpoint(node_.operational, {node_.origin, head(size)});
  return cosign(cosign(std::move(note), 201, time_s), 202, time_s);
}

BundleFiles LedgerBuilder::files(std::optional<std::size_t> old_size) const {
  BundleFiles out;
  out["policy"] = policy_text(node_);
  out["checkpoint"] = checkpoint(records_.size());
  TileWriter writer;
  Bytes openings;
  for (std::size_t i = 0; i < records_.size(); ++i) {
    const Hash hash = hash_of(i);
    writer.append({&hash, 1});
    if (!records_[i].withheld) append_opening(openings, opening_of(i, records_[i]));
  }
  out["openings"] = to_string(openings);
  for (TileValue& tile : writer.take_changed()) {
    const TileId id{tile.level, tile.index, static_cast<unsigned>(tile.hashes.size() / sizeof(Hash))};
    out[tile_path(id)] = to_string(tile.hashes);
    if (tile.level != 0) continue;
    Bytes entries;
    for (unsigned i = 0; i < id.width; ++i)
      append_entry(entries, encode_leaf(records_[id.index * kTileWidth + i].leaf));
    out[entries_path(id.index, id.width)] = to_string(entries);
  }
  if (!old_size) return out;
  out["checkpoint.old"] = checkpoint(*old_size);
  const NodeSource nodes = [&](unsigned level, std::uint64_t index) -> Result<Hash> {
    std::vector<Hash> hashes;
    for (std::uint64_t i = index << level; i < (index + 1) << level; ++i) hashes.push_back(hash_of(i));
    return complete_root(hashes);
  };
  std::string lines;
  for (const Hash& hash : must(consistency_proof(*old_size, records_.size(), nodes)))
    lines += base64_encode(hash) + "\n";
  out["consistency"] = lines;
  return out;
}

Bytes LedgerBuilder::pack(const BundleFiles& files) const {
  BundleFiles all = files;
  all["manifest"] = signed_manifest(files, node_.origin, node_.operational);
  all["manifest.sig"] = sign_sshsig(node_.operational, kManifestNamespace, all["manifest"]);
  return pack_raw(all);
}

std::string policy_text(const TestNode& node) {
  return "log " + vkey_text(node) + "\nwitness a " + format_vkey(witness_key(201)) + "\nwitness b " +
         format_vkey(witness_key(202)) + "\ngroup both all a b\nquorum both\n";
}

std::string vkey_text(const TestNode& node) {
  return format_vkey(must(make_verifier_key(node.origin, KeyType::kEd25519, node.operational.public_key())));
}

std::string cosign(std::string note, std::uint8_t witness_seed, std::uint64_t time_s) {
  Note parsed = must(parse_note(note));
  parsed.signatures.push_back(
      cosign_note(seeded_key(witness_seed), witness_key(witness_seed).name, time_s, parsed.text));
  return format_note(parsed);
}

Bytes pack_raw(const BundleFiles& files) {
  Bytes out;
  TarWriter tar([&](ByteView bytes) -> Status {
    tocsin::append(out, bytes);
    return {};
  });
  for (const auto& [name, content] : files) must(tar.add(name, as_view(content)));
  must(tar.finish());
  return out;
}

std::string signed_manifest(const BundleFiles& files, std::string_view origin,
                            const crypto::SigningKey& key) {
  std::string text = std::string(origin) + "\n";
  for (const auto& [name, content] : files)
    if (name != kManifestFile && name != kManifestSignatureFile)
      text += hex_encode(crypto::sha256(as_view(content))) + "  " + name + "\n";
  return format_note({text, {sign_note(key, origin, text)}});
}

}  // namespace tocsin::test
