#pragma once
// Whether a peer that has proved a certificate may have a link: one pure decision, the same on both sides
// (SPEC §7).
//
// Reasons are sent to the peer, so they say what its operator can do and nothing about anybody else.
// Codes: kUnauthenticated (unknown, expired, swapped key), kPermissionDenied (suspended), kFailedPrecondition
// (an older descriptor than one already seen). Concurrency: pure.

#include <cstdint>
#include <optional>
#include <string>

#include "node/identity/tls_identity.h"

namespace tocsin::node {

struct LinkVerdict {
  std::optional<Code> refused;  // nothing: accepted
  std::string reason;

  static LinkVerdict accept() { return {}; }
  static LinkVerdict refuse(Code code, std::string reason) { return {code, std::move(reason)}; }
};

// What we hold of a node whose root fingerprint is pinned.
struct Pin {
  std::uint64_t sequence_seen = 0;  // the highest descriptor sequence accepted
  bool suspended = false;
};

LinkVerdict admit(const PeerCertificate& peer, const std::optional<Pin>& pin, std::uint64_t now_ms);

}  // namespace tocsin::node
