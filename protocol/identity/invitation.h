#pragma once
// An invitation's text form: what one operator sends another to begin joining (SPEC §8). Useless without the
// fingerprint check that follows.
//
// Guarantee: one text for each invitation; a mistyped character is noticed (4 bytes of SHA-256 at the end).
// Expiry and single use are the inviter's to judge. Errors: kInvalidArgument, rule "identity/invitation" (or
// of the name or address that is wrong). Concurrency: pure functions.

#include <string>
#include <string_view>

#include "crypto/base/bytes.h"
#include "tocsin/v1/identity.pb.h"

namespace tocsin::protocol {

using InvitationId = FixedBytes<16>;

inline constexpr std::size_t kNetworkNameMax = 64;  // bytes; what tables and prompts have room for

// "tocsin-invite-" and base32; refuses what parse_invitation would refuse.
Result<std::string> print_invitation(const v1::Invitation& invitation);
Result<v1::Invitation> parse_invitation(std::string_view text);

// First 16 bytes of H("tocsin1/invitation" ‖ 0x00 ‖ secret): names it without giving it away.
InvitationId invitation_id(ByteView secret);
// HMAC-SHA256(secret, "tocsin1/join" ‖ 0x00 ‖ TLS exporter ‖ descriptor body).
Hash join_proof(ByteView secret, const FixedBytes<32>& tls_exporter, ByteView descriptor_body);

}  // namespace tocsin::protocol
