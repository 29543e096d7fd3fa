#pragma once
// Who a node is: key ids, fingerprints and the descriptor that a node's root key signs (SPEC §2).
//
// Guarantee: a ValidDescriptor's signature verified under the root key it names, over the bytes as received;
// its names, keys and dates are well formed. Whether that root key is the pinned one, the time within the
// window and the sequence new enough is for the caller to ask. Errors: kInvalidArgument, rule
// "identity/descriptor", "identity/name" or "identity/fingerprint"; a wrong signature is kUnauthenticated,
// rule "identity/signature". Concurrency: values and pure functions.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "crypto/base/bytes.h"
#include "crypto/sign.h"
#include "protocol/log/note.h"
#include "protocol/process/event.h"
#include "tocsin/v1/identity.pb.h"

namespace tocsin::protocol {

// The first 8 bytes of H("tocsin1/key-id" ‖ 0x00 ‖ public key).
KeyId key_id(const crypto::PublicKey& key);
// H(root public key): what a node is known by.
Hash fingerprint(const crypto::PublicKey& root_key);
// "SHA256:" and 43 characters of base64 without padding; parse accepts exactly that.
std::string print_fingerprint(const Hash& fingerprint);
Result<Hash> parse_fingerprint(std::string_view text);

// A lower-case DNS name of 1 to 253 bytes whose last label is not a number.
Status check_node_name(std::string_view name);
// "host:port": a name as above, a dotted IPv4 address or a bracketed IPv6 address; port 1 to 65535.
Status check_address(std::string_view address);

// What a node is called where it cosigns: "<node name>/witness".
std::string cosigner_name(std::string_view node_name);

class ValidDescriptor {
 public:
  const v1::NodeDescriptor& message() const { return message_; }
  // As received: what travels on, in certificates and records.
  const v1::SignedDescriptor& signed_form() const { return signed_; }

  const std::string& name() const { return message_.name(); }
  const crypto::PublicKey& root_key() const { return root_key_; }
  const crypto::PublicKey& operational_key() const { return operational_key_; }
  const FixedBytes<32>& envelope_key() const { return envelope_key_; }
  // Of the key that cosigns others' checkpoints, as "<name>/witness"; a node may have none.
  const std::optional<VerifierKey>& cosigner() const { return cosigner_; }
  const Hash& tls_spki_sha256() const { return tls_spki_; }
  const Hash& fingerprint() const { return fingerprint_; }
  bool valid_at(std::uint64_t now_ms) const {
    return message_.valid_from_ms() <= now_ms && now_ms < message_.valid_until_ms();
  }

 private:
  friend Result<ValidDescriptor> parse_descriptor(const v1::SignedDescriptor& in);
  v1::SignedDescriptor signed_;
  v1::NodeDescriptor message_;
  crypto::PublicKey root_key_{};
  crypto::PublicKey operational_key_{};
  FixedBytes<32> envelope_key_{};
  Hash tls_spki_{};
  std::optional<VerifierKey> cosigner_;
  Hash fingerprint_{};
};

Result<ValidDescriptor> parse_descriptor(const v1::SignedDescriptor& in);
// The serialised SignedDescriptor, as SIGNED slots and certificates carry it.
Result<ValidDescriptor> parse_descriptor(ByteView serialised);

// Signs with the root key, which must be the one the descriptor names; refuses what parse_descriptor would
// refuse.
Result<v1::SignedDescriptor> sign_descriptor(const v1::NodeDescriptor& descriptor,
                                             const crypto::SigningKey& root_key);

}  // namespace tocsin::protocol
