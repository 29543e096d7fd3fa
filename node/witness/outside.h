#pragma once
// OutsideWitnesses: asks witnesses that are no members, over HTTP: POST <url>/add-checkpoint.
//
// Guarantee: one thread for all, connections are kept, an answer is at most 64 KiB and comes within
// kOutsideMs or not at all; redirects are not followed, and nothing but http and https is spoken. Errors:
// kUnavailable "witness/unreachable", kResourceExhausted "witness/busy" when kOutsideMax wait already.
// Concurrency: any thread; `asked` runs on this room's thread, once; the destructor gives up what is
// outstanding.

#include <functional>
#include <memory>
#include <string>

#include "node/witness/cosigner.h"

namespace tocsin::node {

inline constexpr long kOutsideMs = 8'000;
inline constexpr std::size_t kOutsideMax = 64;

class OutsideWitnesses {
 public:
  using Asked = std::function<void(Result<CosignAnswer>)>;

  OutsideWitnesses();
  ~OutsideWitnesses();
  OutsideWitnesses(const OutsideWitnesses&) = delete;
  OutsideWitnesses& operator=(const OutsideWitnesses&) = delete;

  void ask(const std::string& url, const std::string& body, Asked asked);
  // Gives up what is outstanding; later questions are refused. Idempotent.
  void stop();

 private:
  struct Worker;
  const std::unique_ptr<Worker> worker_;
};

}  // namespace tocsin::node
