#include "protocol/identity/invitation.h"

#include <algorithm>

#include "crypto/base/encoding.h"
#include "crypto/hash.h"
#include "crypto/kdf.h"
#include "protocol/identity/descriptor.h"
#include "protocol/log/text.h"

namespace tocsin::protocol {
namespace {

constexpr const char* kRule = "identity/invitation";
constexpr std::string_view kPrefix = "tocsin-invite-";
constexpr std::size_t kTextMax = 4096;
constexpr std::size_t kChecksum = 4;
constexpr std::size_t kSecretBytes = 16;

tl::unexpected<Error> refuse(std::string why) {
  return fail({Code::kInvalidArgument, "not an invitation", kRule, std::move(why),
               "copy the whole text, from tocsin-invite- to the end"});
}

bool plain_name(std::string_view name) {
  return !name.empty() && name.size() <= kNetworkNameMax && is_utf8(name) &&
         std::none_of(name.begin(), name.end(), [](char c) { return (c >= 0 && c < ' ') || c == 0x7F; });
}

Status check(const v1::Invitation& invitation) {
  if (!plain_name(invitation.network_name())) return refuse("it has no network name of 1 to 64 bytes");
  if (invitation.network_id().size() != sizeof(Hash)) return refuse("its network id is not 32 bytes");
  if (invitation.inviter_root().size() != sizeof(Hash)) return refuse("its fingerprint is not 32 bytes");
  if (invitation.secret().size() != kSecretBytes) return refuse("its secret is not 16 bytes");
  if (invitation.expires_ms() == 0) return refuse("it never expires");
  TRY(check_node_name(invitation.inviter_name()));
  TRY(check_node_name(invitation.invitee_name()));
  return check_address(invitation.inviter_address());
}

ByteView checksum(const Hash& digest) {
  return ByteView(digest).first(kChecksum);
}

}  // namespace

Result<std::string> print_invitation(const v1::Invitation& invitation) {
  TRY(check(invitation));
  Bytes bytes = to_bytes(as_view(invitation.SerializeAsString()));
  append(bytes, checksum(crypto::sha256(bytes)));
  return std::string(kPrefix) + base32_encode(bytes);
}

Result<v1::Invitation> parse_invitation(std::string_view text) {
  if (!text.starts_with(kPrefix)) return refuse("it does not start with tocsin-invite-");
  if (text.size() > kTextMax) return refuse("it is too long");
  const auto bytes = base32_decode(text.substr(kPrefix.size()));
  if (!bytes || bytes->size() <= kChecksum) return refuse("it is not base32");
  const ByteView body = ByteView(*bytes).first(bytes->size() - kChecksum);
  if (!equal(checksum(crypto::sha256(body)), ByteView(*bytes).last(kChecksum)))
    return refuse("a character is wrong or missing");
  v1::Invitation invitation;
  if (!invitation.ParseFromArray(body.data(), static_cast<int>(body.size())))
    return refuse("its message is damaged");
  invitation.DiscardUnknownFields();
  if (!equal(as_view(invitation.SerializeAsString()), body))
    return refuse("it was written by another version");
  TRY(check(invitation));
  return invitation;
}

InvitationId invitation_id(ByteView secret) {
  const Hash digest = crypto::sha256_parts({as_view({"tocsin1/invitation\0", 19}), secret});
  return *fixed<16>(ByteView(digest).first(16), "invitation id");
}

Hash join_proof(ByteView secret, const FixedBytes<32>& tls_exporter, ByteView descriptor_body) {
  Bytes message = to_bytes(as_view({"tocsin1/join\0", 13}));
  append(message, tls_exporter);
  append(message, descriptor_body);
  return crypto::hmac_sha256(secret, message);
}

}  // namespace tocsin::protocol
