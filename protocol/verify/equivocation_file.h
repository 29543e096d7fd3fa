#pragma once
// The verdict on a file that claims to prove an equivocation, for `tocsin-verify equivocation` (SPEC §13).
//
// Guarantee: proven means that the root key printed vouched for two histories of one log; nothing but the
// file is trusted, and of that only what verifies. Exit: 8 proven (tampering, by the log's keeper), 7 the
// file proves nothing. Concurrency: pure.

#include <optional>
#include <string>
#include <string_view>

#include "protocol/evidence/equivocation.h"
#include "protocol/verify/finding.h"

namespace tocsin::protocol {

struct EquivocationVerdict {
  std::optional<Equivocation> proven;
  std::string why_not;  // of an unproven one, a sentence without its full stop
  int exit_code() const { return proven ? kExitTampering : kExitMissing; }
};
// `node`: the root fingerprint that the reader knows; a proof against another node proves nothing to them.
EquivocationVerdict judge_equivocation(std::string_view file, const std::optional<Hash>& node);

// For a person, and as one line of JSON; both end with a line feed.
std::string describe(const EquivocationVerdict& verdict, std::string_view path);
std::string describe_json(const EquivocationVerdict& verdict, std::string_view path);

}  // namespace tocsin::protocol
