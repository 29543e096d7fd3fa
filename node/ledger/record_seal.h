#pragma once
// RecordSealer: a draft becomes a record (commitments, body root, sealed bodies, wrapped keys) and a stored
// record becomes an opening again.
//
// Each class of slots has a key of its own, drawn fresh for every record; the body is sealed under a key
// derived from it, and it is itself sealed under the node's KEK. Both are bound to the record's body root, so
// that rows swapped in the store do not open. A record without personal slots keeps the root of its decoys
// and forgets their key. Errors: kInvalidArgument for a draft that breaks the schema; kDataLoss, rule
// "ledger/record", for a stored record that does not lead to its leaf. Concurrency: const methods from any
// thread. Source: SPEC §3-§4; storage/DESIGN.md; ops/decisions/0002.

#include <functional>
#include <optional>

#include "crypto/base/secret.h"
#include "crypto/seal.h"
#include "node/ledger/draft.h"
#include "protocol/log/leaf.h"
#include "storage/log_store.h"
#include "tocsin/v1/record.pb.h"

namespace tocsin::node {

// Of a record that was brought back without its body: evidence that is missing, no damage.
inline constexpr std::string_view kLostRule = "ledger/lost";

struct SealedDraft {
  protocol::ValidEvent event;
  Subject subject;
  Hash chain{};
  Hash body_root{};
  bool personal = false;    // has class P slots
  v1::SealedRecord sealed;  // audience as the draft gives it
  Secret<32> plain_key_a;   // what an attestation's commitments are recomputed from
  Bytes key_a;              // wrapped
  Bytes key_p;              // wrapped; empty without personal slots
};

class RecordSealer {
 public:
  using FillRandom = std::function<void(std::span<std::uint8_t>)>;

  RecordSealer(Secret<32> kek, Secret<32> chain_key);

  Hash chain_of(const Subject& subject) const;
  // The head as the store keeps it: sealed, so that nobody who only edits files can make us sign another.
  storage::LogHead seal_head(const protocol::TreeHead& tree) const;
  bool is_ours(const storage::LogHead& head) const;
  Result<SealedDraft> seal(Draft draft, const FillRandom& random) const;
  // A record of ours whose body we have no more, from an opening that verify_opening() accepted for its leaf.
  // What the opening closes stays closed for ever.
  struct Resealed {
    v1::SealedRecord sealed;  // without an audience
    Bytes key_a;              // wrapped
  };
  Result<Resealed> seal_again(const v1::Opening& opening, const Hash& body_root,
                              const FillRandom& random) const;
  // kNotFound, rule kLostRule, for a record whose body is lost. Class P is opened too when `personal` and the
  // record has it.
  Result<v1::Opening> open(storage::LogReader& reader, std::uint64_t index, bool personal) const;

 private:
  Bytes wrap(protocol::SlotClass slot_class, const Hash& body_root, const crypto::SealNonce& nonce,
             ByteView key) const;
  Result<Secret<32>> unwrap(protocol::SlotClass slot_class, const Hash& body_root, ByteView wrapped) const;

  const Secret<32> kek_;
  const Secret<32> head_key_;
  const Secret<32> chain_key_;
};

}  // namespace tocsin::node
