#pragma once
// The witness policy as `tocsin ledger witness` writes it: our log, one line a witness, one group, its
// quorum.
//
// A policy somebody wrote by hand (groups within groups, another log) is kept as it is and is not edited
// here: kFailedPrecondition, rule "witness/by-hand". Others: kAlreadyExists and kNotFound "witness/name",
// kInvalidArgument "witness/quorum", "log/policy", "witness/size". Concurrency: pure functions. Source: C2SP
// tlog-policy.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/log/policy.h"

namespace tocsin::node {

// What a WITNESS_POLICY record's slot holds.
inline constexpr std::size_t kPolicyTextMax = 4096;

// More than (n + f) / 2 of n = 3f + 1 and more: two quorums share an honest witness (ledger.md).
std::size_t safe_quorum(std::size_t witnesses);

struct PolicyDraft {
  protocol::VerifierKey log;
  std::vector<protocol::PolicyWitness> witnesses;
  std::size_t quorum = 0;  // 0: safe_quorum
};
// `quorum none` when there is no witness.
Result<std::string> write_policy(const PolicyDraft& draft);
// The inverse, of nothing else than what write_policy writes; of an empty text: no witness.
Result<PolicyDraft> read_policy(std::string_view text, const protocol::VerifierKey& log);

Result<std::string> with_witness(std::string_view text, const protocol::VerifierKey& log,
                                 protocol::PolicyWitness witness, std::size_t quorum);
Result<std::string> without_witness(std::string_view text, const protocol::VerifierKey& log,
                                    std::string_view name, std::size_t quorum);

}  // namespace tocsin::node
