#include "protocol/verify/scope.h"

#include <algorithm>

#include "crypto/base/encoding.h"
#include "crypto/hash.h"
#include "protocol/log/text.h"

namespace tocsin::protocol {
namespace {

constexpr std::string_view kHeader = "tocsin-scope/1";
constexpr std::string_view kEvidence[] = {"evidence tiles", "evidence range", "evidence proofs"};
constexpr std::string_view kFrom = "from ";
constexpr std::string_view kTo = "to ";
constexpr std::string_view kChain = "chain ";
constexpr std::string_view kEvent = "event ";

tl::unexpected<Error> malformed(const char* why) {
  return fail(Code::kInvalidArgument, why, "bundle/scope");
}

Result<std::uint64_t> numbered(std::optional<std::string_view> line, std::string_view key) {
  if (!line || !line->starts_with(key)) return malformed("a scope of a range says from and to");
  return parse_decimal(line->substr(key.size()));
}

// "0401 1767225600000 1769904000000"
Result<EventWindow> parse_window(std::string_view text) {
  EventWindow window;
  const std::size_t first = text.find(' ');
  const std::size_t second = first == std::string_view::npos ? first : text.find(' ', first + 1);
  if (second == std::string_view::npos) return malformed("a scope's event line is a code and two times");
  TRY_ASSIGN(const Bytes code, hex_decode(text.substr(0, first)));
  if (code.size() != 2 || hex_encode(code) != text.substr(0, first))
    return malformed("a scope's event is not four lower-case hex digits");
  window.event = get_be<std::uint16_t>(code.data());
  TRY_ASSIGN(window.from_ms, parse_decimal(text.substr(first + 1, second - first - 1)));
  TRY_ASSIGN(window.to_ms, parse_decimal(text.substr(second + 1)));
  if (window.from_ms >= window.to_ms) return malformed("a scope's time ends before it begins");
  return window;
}

Status take_line_of(std::string_view line, Scope& scope) {
  if (line.starts_with(kChain) && scope.events.empty()) {
    const std::string_view hex = line.substr(kChain.size());
    TRY_ASSIGN(const Bytes bytes, hex_decode(hex));
    if (hex_encode(bytes) != hex) return malformed("a scope's chain is not in lower case");
    TRY_ASSIGN(const Hash chain, fixed<32>(bytes, "a scope's chain"));
    if (!scope.chains.empty() && chain <= scope.chains.back())
      return malformed("a scope's chains do not ascend");
    if (scope.chains.size() == kScopeChainsMax) return malformed("a scope has too many chains");
    scope.chains.push_back(chain);
    return {};
  }
  if (!line.starts_with(kEvent)) return malformed("a scope has a line that it should not have");
  TRY_ASSIGN(const EventWindow window, parse_window(line.substr(kEvent.size())));
  if (!scope.events.empty() && window <= scope.events.back())
    return malformed("a scope's events do not ascend");
  if (scope.events.size() == kScopeEventsMax) return malformed("a scope has too many events");
  scope.events.push_back(window);
  return {};
}

Status check(const Scope& scope) {
  const bool some = !scope.chains.empty() || !scope.events.empty();
  switch (scope.evidence) {
    case Evidence::kTiles:
      return some ? Status() : malformed("a scope names a chain or an event");
    case Evidence::kRange:
      if (some) return malformed("a scope of a range has no chains and no events");
      return scope.from < scope.to ? Status() : malformed("a scope's range is empty");
    case Evidence::kProofs:
      if (!scope.events.empty()) return malformed("a scope of proofs has no events");
      return some ? Status() : malformed("a scope names a chain");
  }
  return {};
}

}  // namespace

bool Scope::has_chain(const Hash& chain) const {
  return std::binary_search(chains.begin(), chains.end(), chain);
}

bool Scope::covers(std::uint64_t index, const Leaf& leaf) const {
  if (evidence == Evidence::kRange) return from <= index && index < to;
  if (has_chain(leaf.chain)) return true;
  if (evidence == Evidence::kProofs) return false;
  if (leaf.event >> 8 == 0x05) return true;
  return std::any_of(events.begin(), events.end(), [&](const EventWindow& window) {
    return window.event == leaf.event && window.from_ms <= leaf.time_ms && leaf.time_ms < window.to_ms;
  });
}

std::string format_scope(const Scope& scope) {
  std::string out = std::string(kHeader) + "\n";
  out.append(kEvidence[static_cast<std::size_t>(scope.evidence)]).append("\n");
  if (scope.evidence == Evidence::kRange) {
    out.append(kFrom).append(std::to_string(scope.from)).append("\n");
    out.append(kTo).append(std::to_string(scope.to)).append("\n");
  }
  for (const Hash& chain : scope.chains) out.append(kChain).append(hex_encode(chain)).append("\n");
  for (const EventWindow& window : scope.events) {
    FixedBytes<2> code;
    put_be(code.data(), window.event);
    out.append(kEvent).append(hex_encode(code)).append(" ").append(std::to_string(window.from_ms));
    out.append(" ").append(std::to_string(window.to_ms)).append("\n");
  }
  return out;
}

Result<Scope> parse_scope(std::string_view text) {
  Scope scope;
  if (take_line(text) != kHeader) return malformed("a scope begins with tocsin-scope/1");
  const auto evidence = take_line(text);
  const auto at = std::find(std::begin(kEvidence), std::end(kEvidence), evidence.value_or(""));
  if (at == std::end(kEvidence)) return malformed("a scope's second line says what its evidence is");
  scope.evidence = static_cast<Evidence>(at - std::begin(kEvidence));
  if (scope.evidence == Evidence::kRange) {
    TRY_ASSIGN(scope.from, numbered(take_line(text), kFrom));
    TRY_ASSIGN(scope.to, numbered(take_line(text), kTo));
  }
  while (!text.empty()) {
    const auto line = take_line(text);
    if (!line) return malformed("a scope's last line has no end");
    TRY(take_line_of(*line, scope));
  }
  TRY(check(scope));
  return scope;
}

Hash scope_digest(std::string_view text) {
  static constexpr std::uint8_t kZero[] = {0};
  return crypto::sha256_parts({as_view("tocsin1/scope"), kZero, as_view(text)});
}

}  // namespace tocsin::protocol
