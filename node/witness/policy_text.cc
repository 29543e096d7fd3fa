#include "node/witness/policy_text.h"

#include <algorithm>

namespace tocsin::node {
namespace {

constexpr std::string_view kGroup = "witnesses";

bool is_word(std::string_view text) {
  return !text.empty() && text.front() != '#' &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

std::string print_policy(const PolicyDraft& draft, std::size_t quorum) {
  std::string out = "log " + protocol::format_vkey(draft.log) + "\n";
  for (const protocol::PolicyWitness& witness : draft.witnesses)
    out += "witness " + witness.name + " " + protocol::format_vkey(witness.key) +
           (witness.url.empty() ? "" : " " + witness.url) + "\n";
  if (draft.witnesses.empty()) return out + "quorum none\n";
  out += "group " + std::string(kGroup) + " " + std::to_string(quorum);
  for (const protocol::PolicyWitness& witness : draft.witnesses) out += " " + witness.name;
  return out + "\nquorum " + std::string(kGroup) + "\n";
}

tl::unexpected<Error> by_hand() {
  return fail(Error{Code::kFailedPrecondition, "the policy in force was written by hand", "witness/by-hand",
                    "adding to it would lose its groups",
                    "edit the file and give it whole: tocsin ledger witness set FILE"});
}

}  // namespace

std::size_t safe_quorum(std::size_t witnesses) {
  if (witnesses == 0) return 0;
  const std::size_t faulty = (witnesses - 1) / 3;
  return (witnesses + faulty) / 2 + 1;
}

Result<std::string> write_policy(const PolicyDraft& draft) {
  for (const protocol::PolicyWitness& witness : draft.witnesses)
    if (!is_word(witness.name) || witness.name == kGroup || (!witness.url.empty() && !is_word(witness.url)))
      return fail(Code::kInvalidArgument, "\"" + witness.name + "\" cannot name a witness", "witness/name");
  const std::size_t quorum = draft.quorum != 0 ? draft.quorum : safe_quorum(draft.witnesses.size());
  if (quorum > draft.witnesses.size())
    return fail(Code::kInvalidArgument, "a quorum is at most all the witnesses", "witness/quorum");
  std::string out = print_policy(draft, quorum);
  if (out.size() > kPolicyTextMax)
    return fail(Code::kInvalidArgument, "the policy is longer than a record's 4096 bytes", "witness/size");
  TRY(protocol::Policy::parse(out));
  return out;
}

Result<PolicyDraft> read_policy(std::string_view text, const protocol::VerifierKey& log) {
  PolicyDraft draft{log, {}, 0};
  if (text.empty()) return draft;
  TRY_ASSIGN(const auto policy, protocol::Policy::parse(text));
  if (policy.logs().size() != 1 || policy.logs()[0].key != log) return by_hand();
  draft.witnesses = policy.witnesses();
  for (std::size_t quorum = 0; quorum <= draft.witnesses.size(); ++quorum) {
    if (print_policy(draft, quorum) != text) continue;
    draft.quorum = quorum;
    return draft;
  }
  return by_hand();
}

Result<std::string> with_witness(std::string_view text, const protocol::VerifierKey& log,
                                 protocol::PolicyWitness witness, std::size_t quorum) {
  TRY_ASSIGN(PolicyDraft draft, read_policy(text, log));
  for (const protocol::PolicyWitness& known : draft.witnesses)
    if (known.name == witness.name || known.key.key == witness.key.key)
      return fail(Code::kAlreadyExists, known.name + " is a witness already", "witness/name");
  draft.witnesses.push_back(std::move(witness));
  draft.quorum = quorum;
  return write_policy(draft);
}

Result<std::string> without_witness(std::string_view text, const protocol::VerifierKey& log,
                                    std::string_view name, std::size_t quorum) {
  TRY_ASSIGN(PolicyDraft draft, read_policy(text, log));
  if (std::erase_if(draft.witnesses, [&](const auto& known) { return known.name == name; }) == 0)
    return fail(Code::kNotFound, "\"" + std::string(name) + "\" is no witness", "witness/name");
  draft.quorum = quorum;
  return write_policy(draft);
}

}  // namespace tocsin::node
