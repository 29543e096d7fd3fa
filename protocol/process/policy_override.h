#pragma once
// A witness policy that replaces another without the other's quorum: the root key says so, and why.
//
// The quorum of a policy agrees to the next one by cosigning it; when it is lost for good, nothing could be
// published again. Then the issuer's root key, which signs no checkpoints, signs a statement over the two
// policies and a reason. It stands in the WITNESS_POLICY record and goes before the record to readers, who
// verify it and show it to their operators: nobody is moved from his policy unnoticed. Errors:
// kUnauthenticated "policy/override". Concurrency: pure. Source: SPEC §12.

#include <string_view>

#include "crypto/sign.h"

namespace tocsin::protocol {

// The root key's signature over origin, the policies' digests and the reason.
crypto::Signature sign_policy_override(const crypto::SigningKey& root, std::string_view origin,
                                       std::string_view before, std::string_view after,
                                       std::string_view reason);
Status verify_policy_override(const crypto::PublicKey& root, std::string_view origin, std::string_view before,
                              std::string_view after, std::string_view reason, ByteView signature);

}  // namespace tocsin::protocol
