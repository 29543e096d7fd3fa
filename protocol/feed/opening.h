#pragma once
// Openings: what turns a leaf's commitments back into a record, and the sealed pages they travel in (SPEC §4,
// §5).
//
// verify_opening() is the only door: it recomputes the body root from keys and values and compares it with
// the leaf, so an OpenedRecord says what its ledger committed to. A page is sealed once under a fresh key
// that is wrapped to one recipient and bound to sender, recipient and position. Errors: kInvalidArgument for
// what does not parse (rules "feed/opening", "record/schema", "record/slots"), kDataLoss "feed/altered" for
// values that the leaf does not commit to, kResourceExhausted "feed/limit" or "wire/..." past a limit.
// Concurrency: pure functions.

#include <cstdint>
#include <vector>

#include "crypto/hpke.h"
#include "crypto/seal.h"
#include "protocol/log/leaf.h"
#include "protocol/process/event.h"
#include "tocsin/v1/peer.pb.h"
#include "tocsin/v1/record.pb.h"

namespace tocsin::protocol {

inline constexpr std::size_t kOpeningsPerPageMax = 8192;       // a whole batch publication and room beside it
inline constexpr std::size_t kPageBytesMax = 8 * 1024 * 1024;  // one gRPC message

struct OpenedRecord {
  std::uint64_t index = 0;
  Leaf leaf;
  Hash leaf_hash{};
  ValidEvent event;
  FixedBytes<32> key_a{};
};

// Class A open, class P open only when the opening carries its key.
Result<OpenedRecord> verify_opening(const v1::Opening& opening, const Leaf& leaf);

// Counts before it parses: a message of empty sub-messages grows a hundredfold in memory.
Result<v1::Openings> parse_openings(ByteView bytes);

// Who sends what to whom, from where in the sender's ledger.
struct PageBinding {
  Hash sender{};
  Hash recipient{};
  std::uint64_t from = 0;
};

// The key, nonce and entropy come from the caller: fresh and random for every page.
Result<v1::SealedPage> seal_page(const PageBinding& binding, const crypto::KemPublicKey& envelope_key,
                                 const v1::Openings& openings, const crypto::DataKey& key,
                                 const crypto::SealNonce& nonce, const Secret<32>& entropy);
Result<v1::Openings> open_page(const PageBinding& binding, const crypto::KemKey& envelope_key,
                               const v1::SealedPage& page);

}  // namespace tocsin::protocol
