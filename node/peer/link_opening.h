#pragma once
// What is said on a link before HTTP/2: each side's verdict about the other, or one join request and its
// reply.
//
// Guarantee: after exchange_verdicts fails with "link/refused" the peer has been given the reason, and the
// error says it too, whoever refused. Text from the peer is cut and its control characters are replaced.
// Concurrency: as TlsStream. Source: SPEC §7, §8.

#include <functional>

#include "node/peer/admission.h"
#include "node/peer/tls_stream.h"

namespace tocsin::node {

inline constexpr std::size_t kReasonBytesMax = 512;
inline constexpr std::uint32_t kJoinBytesMax = 16 * 1024;
inline constexpr std::string_view kJoinExporter = "EXPORTER-tocsin-join";

// A peer's text made fit for a log or a terminal: at most kReasonBytesMax, printable ASCII, '?' for the rest.
std::string printable(ByteView text);

// u16 length ‖ u8 code ‖ UTF-8 reason; code 0 accepts.
Bytes verdict_frame(const LinkVerdict& verdict);

// Says ours, hears theirs. The error has the refuser's code and rule "link/refused".
Status exchange_verdicts(TlsStream& stream, const LinkVerdict& ours, std::uint64_t deadline_ms);

using JoinHandler = std::function<Result<v1::JoinReply>(const PeerCertificate&, const v1::JoinRequest&,
                                                        const Hash& exporter)>;
// The inviter's side. An error of the handler is answered with REFUSED and its message.
Status serve_join(TlsStream& stream, const PeerCertificate& peer, const JoinHandler& handler,
                  std::uint64_t deadline_ms);
// The candidate's side.
Result<v1::JoinReply> request_join(TlsStream& stream, const v1::JoinRequest& request,
                                   std::uint64_t deadline_ms);

}  // namespace tocsin::node
