#include "protocol/log/tlog_proof.h"

#include "crypto/base/encoding.h"
#include "protocol/log/text.h"

namespace tocsin::protocol {
namespace {

constexpr std::string_view kHeader = "c2sp.org/tlog-proof@v1";
constexpr std::string_view kExtra = "extra ";
constexpr std::string_view kIndex = "index ";
constexpr std::size_t kHashesMax = 64;
constexpr std::size_t kHashText = 44;

tl::unexpected<Error> malformed(const char* why) {
  return fail(Code::kInvalidArgument, why, "log/tlog-proof");
}

}  // namespace

std::string format_tlog_proof(const TlogProof& proof) {
  std::string out(kHeader);
  out += "\n";
  if (proof.extra) out.append(kExtra).append(base64_encode(*proof.extra)).append("\n");
  out.append(kIndex).append(std::to_string(proof.index)).append("\n");
  for (const Hash& hash : proof.proof) out.append(base64_encode(hash)).append("\n");
  return out + "\n" + proof.checkpoint;
}

Result<TlogProof> parse_tlog_proof(std::string_view text) {
  if (text.size() > kNoteBytesMax + 2 * kTlogProofExtraBytesMax)
    return malformed("a proof file is too large");
  TlogProof out;
  auto line = take_line(text);
  if (line != kHeader) return malformed("a proof file starts with c2sp.org/tlog-proof@v1");
  line = take_line(text);
  if (line && line->starts_with(kExtra)) {
    TRY_ASSIGN(out.extra, base64_decode(line->substr(kExtra.size())));
    if (out.extra->size() > kTlogProofExtraBytesMax) return malformed("a proof's extra data is over 64 KiB");
    line = take_line(text);
  }
  if (!line || !line->starts_with(kIndex)) return malformed("a proof file has no index line");
  TRY_ASSIGN(out.index, parse_decimal(line->substr(kIndex.size())));
  for (line = take_line(text); line && !line->empty(); line = take_line(text)) {
    if (out.proof.size() == kHashesMax) return malformed("a proof has more than 64 hashes");
    if (line->size() != kHashText) return malformed("a proof's line is not a hash");
    TRY_ASSIGN(const Bytes bytes, base64_decode(*line));
    TRY_ASSIGN(const Hash hash, fixed<32>(bytes, "hash"));
    out.proof.push_back(hash);
  }
  if (!line) return malformed("a proof file has no blank line before its checkpoint");
  if (text.empty() || text.size() > kNoteBytesMax) return malformed("a proof file has no checkpoint");
  out.checkpoint = text;
  return out;
}

}  // namespace tocsin::protocol
