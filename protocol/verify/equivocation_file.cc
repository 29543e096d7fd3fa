#include "protocol/verify/equivocation_file.h"

#include "crypto/base/encoding.h"
#include "protocol/wire/json_text.h"

namespace tocsin::protocol {
namespace {

Result<Equivocation> judge(std::string_view file, const std::optional<Hash>& node) {
  TRY_ASSIGN(const EquivocationProof proof, parse_equivocation(file));
  TRY_ASSIGN(Equivocation proven, verify_equivocation(proof));
  if (node && *node != proven.issuer)
    return fail(Code::kFailedPrecondition, "it is about another node, " + print_fingerprint(proven.issuer));
  return proven;
}

std::string head_text(const TreeHead& head) {
  return std::to_string(head.size) + " records with root " + base64_encode(head.root);
}

std::string head_json(std::string_view name, const TreeHead& head) {
  return ",\"" + std::string(name) + "_size\":" + std::to_string(head.size) + ",\"" + std::string(name) +
         "_root\":" + json_string(base64_encode(head.root));
}

}  // namespace

EquivocationVerdict judge_equivocation(std::string_view file, const std::optional<Hash>& node) {
  auto proven = judge(file, node);
  if (!proven) return {std::nullopt, proven.error().message};
  return {std::move(*proven), {}};
}

std::string describe(const EquivocationVerdict& verdict, std::string_view path) {
  if (!verdict.proven) return std::string(path) + ": not proven: " + verdict.why_not + ".\n";
  const Equivocation& proven = *verdict.proven;
  return std::string(path) + ": proven: " + proven.name + " signed two histories of its ledger " +
         proven.origin + ".\n  root key  " + print_fingerprint(proven.issuer) + "\n  one       " +
         head_text(proven.first) + "\n  another   " + head_text(proven.second) +
         (proven.one_size() ? "\n  Of one size, the roots must be the same.\n"
                            : "\n  The first records of the second are others than those of the first.\n");
}

std::string describe_json(const EquivocationVerdict& verdict, std::string_view path) {
  std::string out = "{\"file\":" + json_string(path) + ",\"proven\":" + (verdict.proven ? "true" : "false");
  if (verdict.proven) {
    const Equivocation& proven = *verdict.proven;
    out += ",\"node\":" + json_string(proven.name) +
           ",\"fingerprint\":" + json_string(print_fingerprint(proven.issuer)) +
           ",\"origin\":" + json_string(proven.origin) +
           ",\"kind\":" + (proven.one_size() ? "\"one-size\"" : "\"two-sizes\"") +
           head_json("first", proven.first) + head_json("second", proven.second);
  } else {
    out += ",\"why\":" + json_string(verdict.why_not);
  }
  return out + ",\"exit\":" + std::to_string(verdict.exit_code()) + "}\n";
}

}  // namespace tocsin::protocol
