#pragma once
// A detached proof that one record is in a log: index, inclusion proof and checkpoint in one text file.
//
// Guarantee: parsing is strict and linear and trusts nothing; the caller hashes the record, evaluates the
// checkpoint under a policy, and then calls verify_inclusion (proof.h). The extra data is authenticated by
// nothing. Errors: kInvalidArgument, rule "log/tlog-proof". Concurrency: values and pure functions. Source:
// C2SP tlog-proof.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "crypto/base/bytes.h"
#include "protocol/log/note.h"
#include "protocol/log/proof.h"

namespace tocsin::protocol {

inline constexpr std::size_t kTlogProofExtraBytesMax = std::size_t{64} * 1024;

struct TlogProof {
  std::optional<Bytes> extra;
  std::uint64_t index = 0;
  Proof proof;             // at most 64 hashes
  std::string checkpoint;  // the signed note, verbatim
};

std::string format_tlog_proof(const TlogProof& proof);
Result<TlogProof> parse_tlog_proof(std::string_view text);

}  // namespace tocsin::protocol
