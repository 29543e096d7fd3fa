#include "node/peer/link_opening.h"

#include <algorithm>

#include "crypto/base/encoding.h"
#include "protocol/wire/prescan.h"

namespace tocsin::node {
namespace {

Code code_of(std::uint8_t code) {
  return code >= 1 && code <= 16 ? static_cast<Code>(code) : Code::kUnknown;
}

Status write_message(TlsStream& stream, const std::string& message, std::uint64_t deadline_ms) {
  if (message.size() > kJoinBytesMax)
    return fail(Code::kInvalidArgument, "join message too large", "link/join");
  Bytes out;
  append_be(out, static_cast<std::uint32_t>(message.size()));
  append(out, as_view(message));
  return stream.write_all(out, deadline_ms);
}

Status read_message(TlsStream& stream, google::protobuf::Message& message, std::uint64_t deadline_ms) {
  FixedBytes<4> head;
  TRY(stream.read_exact(head, deadline_ms));
  const auto length = get_be<std::uint32_t>(head.data());
  if (length > kJoinBytesMax) return fail(Code::kResourceExhausted, "join message too large", "link/join");
  Bytes body(length);
  TRY(stream.read_exact(body, deadline_ms));
  return protocol::parse_untrusted(body, message, {kJoinBytesMax});
}

}  // namespace

std::string printable(ByteView text) {
  std::string out = to_string(text.first(std::min(text.size(), kReasonBytesMax)));
  for (char& c : out)
    if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) >= 0x7f) c = '?';
  return out;
}

Bytes verdict_frame(const LinkVerdict& verdict) {
  const std::string_view reason = std::string_view(verdict.reason).substr(0, kReasonBytesMax);
  Bytes out;
  append_be(out, static_cast<std::uint16_t>(1 + reason.size()));
  out.push_back(verdict.refused ? static_cast<std::uint8_t>(*verdict.refused) : 0);
  append(out, as_view(reason));
  return out;
}

Status exchange_verdicts(TlsStream& stream, const LinkVerdict& ours, std::uint64_t deadline_ms) {
  TRY(stream.write_all(verdict_frame(ours), deadline_ms));
  // Theirs is read even when ours refuses: closing a socket with unread bytes would reset it and lose our
  // reason.
  Bytes body;
  const Status heard = [&]() -> Status {
    FixedBytes<2> head;
    TRY(stream.read_exact(head, deadline_ms));
    const auto length = get_be<std::uint16_t>(head.data());
    if (length < 1 || length > 1 + kReasonBytesMax)
      return fail(Code::kInvalidArgument, "the peer's status frame is malformed", "link/status");
    body.resize(length);
    return stream.read_exact(body, deadline_ms);
  }();
  if (ours.refused) return fail(*ours.refused, "refused here: " + ours.reason, "link/refused");
  TRY(heard);
  if (body[0] != 0)
    return fail(code_of(body[0]), "refused by the peer: " + printable(ByteView(body).subspan(1)),
                "link/refused");
  return {};
}

Status serve_join(TlsStream& stream, const PeerCertificate& peer, const JoinHandler& handler,
                  std::uint64_t deadline_ms) {
  v1::JoinRequest request;
  TRY(read_message(stream, request, deadline_ms));
  auto reply = handler(peer, request, stream.exporter(kJoinExporter));
  v1::JoinReply out;
  if (reply) {
    out = std::move(*reply);
  } else {
    out.set_state(v1::JoinReply::REFUSED);
    out.set_reason(reply.error().message.substr(0, kReasonBytesMax));
  }
  return write_message(stream, out.SerializeAsString(), deadline_ms);
}

Result<v1::JoinReply> request_join(TlsStream& stream, const v1::JoinRequest& request,
                                   std::uint64_t deadline_ms) {
  TRY(write_message(stream, request.SerializeAsString(), deadline_ms));
  v1::JoinReply reply;
  TRY(read_message(stream, reply, deadline_ms));
  reply.set_reason(printable(as_view(reply.reason())));
  return reply;
}

}  // namespace tocsin::node
