#include "node/peer/admission.h"

namespace tocsin::node {

LinkVerdict admit(const PeerCertificate& peer, const std::optional<Pin>& pin, std::uint64_t now_ms) {
  const v1::NodeDescriptor& descriptor = peer.descriptor;
  if (!pin) return LinkVerdict::refuse(Code::kUnauthenticated, "this root key is not a member here");
  if (!equal(peer.spki_sha256, as_view(descriptor.tls_spki_sha256())))
    return LinkVerdict::refuse(Code::kUnauthenticated, "the certificate's key is not the descriptor's");
  if (now_ms < descriptor.valid_from_ms())
    return LinkVerdict::refuse(Code::kUnauthenticated, "the descriptor is not valid yet; compare clocks");
  if (now_ms >= descriptor.valid_until_ms())
    return LinkVerdict::refuse(Code::kUnauthenticated, "the descriptor has expired; renew it");
  if (descriptor.sequence() < pin->sequence_seen)
    return LinkVerdict::refuse(Code::kFailedPrecondition, "a newer descriptor of this node is known");
  if (pin->suspended) return LinkVerdict::refuse(Code::kPermissionDenied, "this node is suspended here");
  return LinkVerdict::accept();
}

}  // namespace tocsin::node
