#pragma once
// Proofs of equivocation: two signed heads of one log that cannot both be of one history (SPEC §13).
//
// Self-contained: the descriptors bind the key that signed the notes to the issuer's root key, so that a
// stranger who knows the root's fingerprint can check the rest alone. Of one size, two roots are enough. Of
// two sizes, a consistency proof shows which root the second's tree really has at the first's size: not the
// one that was signed. The same proof has one file and one list of slots; each gives the other. Errors:
// kInvalidArgument for what is not in its one form, kFailedPrecondition for what is and proves nothing; rule
// "evidence/equivocation". Concurrency: values and pure functions.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/identity/descriptor.h"
#include "protocol/log/checkpoint.h"
#include "protocol/process/event.h"

namespace tocsin::protocol {

inline constexpr std::size_t kEquivocationBytesMax = std::size_t{64} * 1024;  // of the file
inline constexpr std::size_t kEquivocationProofMax = 128;                     // hashes: one BYTES slot

// A log's note as a proof carries it: the log's own signature and no other.
struct SignedHead {
  Bytes descriptor;  // serialised SignedDescriptor of the node, naming the key that signed
  std::string note;
  TreeHead tree;
  std::string origin;
};
// The note's text and the signature by `descriptor`'s operational key under its origin; others are dropped.
// kUnauthenticated when that key did not sign it.
Result<SignedHead> read_signed_head(std::string_view note, const ValidDescriptor& descriptor);

struct EquivocationProof {
  Bytes descriptor;        // for the first note
  Bytes later_descriptor;  // for the second, when its key is in another; else empty
  std::string first;       // of the smaller size, or of one size of the smaller root
  std::string second;
  std::optional<Hash> root;  // two sizes: what the second's tree has at the first's size
  Proof consistency;         // two sizes: from there to the second

  friend bool operator==(const EquivocationProof&, const EquivocationProof&) = default;
};

// What a valid proof shows.
struct Equivocation {
  Hash issuer{};
  std::string name;  // as its descriptor has it
  std::string origin;
  TreeHead first;
  TreeHead second;
  bool one_size() const { return first.size == second.size; }
};
Result<Equivocation> verify_equivocation(const EquivocationProof& proof);

// Two notes of one size and two roots.
EquivocationProof prove_one_size(const SignedHead& a, const SignedHead& b);
// `root`: of the first leaves of later's tree, as many as `earlier` has; `consistency` leads from it to
// later.
EquivocationProof prove_two_sizes(const SignedHead& earlier, const SignedHead& later, const Hash& root,
                                  Proof consistency);

// The file; format is the inverse of parse.
Result<EquivocationProof> parse_equivocation(std::string_view file);
std::string format_equivocation(const EquivocationProof& proof);
// SHA-256 of the file: what the proof is known by.
Hash equivocation_digest(const EquivocationProof& proof);

// The slots of EQUIVOCATION_EVIDENCE. The inverse's precondition: such an event.
std::vector<SlotValue> equivocation_slots(const EquivocationProof& proof, const Hash& issuer);
Result<EquivocationProof> equivocation_of(const ValidEvent& event);

}  // namespace tocsin::protocol
