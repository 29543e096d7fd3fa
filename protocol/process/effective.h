#pragma once
// What a case means to one node now: whether a match on it raises an alarm, and the words that say why.
//
// Guarantee: a retracted, expired or refused signal never alerts. A node's own opinion outweighs everybody
// else's; an opinion about other labels than the signal has does not count. Concurrency: pure functions.
// Source: due-process.md "States"; issue: a DISPUTED or NEGATIVE signal does not alert by default.

#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/process/case_state.h"

namespace tocsin::protocol {

enum class Handling : std::uint8_t { kNone = 0, kReview = 1, kAlert = 2 };
std::string_view handling_name(Handling handling);  // "none", "review", "alert"

struct Effective {
  // UNKNOWN, DRAFT, REJECTED, WITHDRAWN, SHAREABLE, LIVE, HELD, ACTIONABLE, DECLINED, DISPUTED, NEGATIVE,
  // RETRACTING, RETRACTED, RESTRICTED, EXPIRED, ERASED, REFUSED or QUARANTINED. A literal.
  std::string_view state;
  Handling handling = Handling::kNone;
  std::string reason;     // a sentence without its full stop
  unsigned positive = 0;  // opinions that count, this node's included
  unsigned seed = 0;
  unsigned negative = 0;
};

// `quarantined`: the issuer is proven to have shown two histories, and nothing of it counts (SPEC §13).
Effective effective(const v1::Case& state, const Hash& self, std::uint64_t now_ms, bool quarantined = false);

// "FALSE_POSITIVE" … "EXPIRED" for 1 … 11, due-process order; "UNKNOWN" otherwise.
std::string_view retraction_reason_name(std::uint32_t reason);

}  // namespace tocsin::protocol
