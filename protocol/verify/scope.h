#pragma once
// What a bundle is about when it is not about the whole ledger, and in which records that consists (SPEC §9).
//
// Guarantee: one text per scope, so its digest names it in a DISCLOSED record. Errors: kInvalidArgument, rule
// "bundle/scope". Concurrency: values and pure functions.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/log/leaf.h"

namespace tocsin::protocol {

enum class Evidence : std::uint8_t { kTiles, kRange, kProofs };

struct EventWindow {
  std::uint16_t event = 0;
  std::uint64_t from_ms = 0;
  std::uint64_t to_ms = 0;  // one past the last
  friend auto operator<=>(const EventWindow&, const EventWindow&) = default;
};

inline constexpr std::size_t kScopeBytesMax = std::size_t{8} * 1024 * 1024;
inline constexpr std::size_t kScopeChainsMax = 65536;
inline constexpr std::size_t kScopeEventsMax = 64;

struct Scope {
  Evidence evidence = Evidence::kTiles;
  std::uint64_t from = 0;  // kRange: records [from, to)
  std::uint64_t to = 0;
  std::vector<Hash> chains;         // ascending
  std::vector<EventWindow> events;  // ascending

  bool has_chain(const Hash& chain) const;
  // Whether a bundle of this scope must open the record.
  bool covers(std::uint64_t index, const Leaf& leaf) const;
};

std::string format_scope(const Scope& scope);
Result<Scope> parse_scope(std::string_view text);
// H("tocsin1/scope" || 0x00 || text); of no text for the whole ledger.
Hash scope_digest(std::string_view text);

}  // namespace tocsin::protocol
