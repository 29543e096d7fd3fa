#include "protocol/process/policy_override.h"

#include "crypto/hash.h"

namespace tocsin::protocol {
namespace {

constexpr std::string_view kType = "policy-override";

Bytes statement(std::string_view origin, std::string_view before, std::string_view after,
                std::string_view reason) {
  Bytes out;
  for (const std::string_view part : {origin, before, after, reason})
    append(out, crypto::sha256(as_view(part)));
  return out;
}

}  // namespace

crypto::Signature sign_policy_override(const crypto::SigningKey& root, std::string_view origin,
                                       std::string_view before, std::string_view after,
                                       std::string_view reason) {
  return root.sign(kType, statement(origin, before, after, reason));
}

Status verify_policy_override(const crypto::PublicKey& root, std::string_view origin, std::string_view before,
                              std::string_view after, std::string_view reason, ByteView signature) {
  const auto fixed_signature = fixed<64>(signature, "override signature");
  if (!fixed_signature ||
      !crypto::verify(kType, statement(origin, before, after, reason), *fixed_signature, root))
    return fail(Code::kUnauthenticated, "the root key did not sign this override", "policy/override");
  return {};
}

}  // namespace tocsin::protocol
