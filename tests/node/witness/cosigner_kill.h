#pragma once
// What the killed witness and the test that kills it agree on.

#include <cstdint>
#include <string>

#include "tests/node/witness/rogue_log.h"

namespace tocsin::tests {

inline constexpr std::uint64_t kLogs = 6;                  // asked about at once
inline constexpr std::uint64_t kKilledSizeMax = 120;       // then the next log of that place
inline constexpr const char* kFlavours[] = {"", "other"};  // two histories of each log

inline std::string killed_origin(std::uint64_t log) {
  return "kill.example/" + std::to_string(log);
}
inline node::RogueLog killed_log(std::uint64_t log, std::uint64_t flavour) {
  return node::RogueLog(killed_origin(log), 50, kFlavours[flavour]);
}

// One answer 200; smaller than PIPE_BUF, so it is in the pipe whole or not at all.
struct Cosigned {
  std::uint64_t log = 0;
  std::uint64_t flavour = 0;
  std::uint64_t size = 0;
};

}  // namespace tocsin::tests
