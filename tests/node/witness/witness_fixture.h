#pragma once
// A node that cosigns, on a runtime under the test's hand.

#include "node/witness/cosigner.h"
#include "tests/node/ledger/fixture.h"
#include "tests/node/witness/rogue_log.h"

namespace tocsin::node {

struct CosignerFixture : LedgerFixture {
  std::map<std::string, protocol::VerifierKey, std::less<>> known;
  std::unique_ptr<Cosigner> cosigner;
  int conflicts = 0;

  CosignerFixture() { make(); }
  void make() {
    cosigner = std::make_unique<Cosigner>(Cosigner::Parts{
        *memory, *ledger, runtime, cosigner_key(), "node1.example/witness",
        [this](std::string_view origin) {
          const auto found = known.find(origin);
          return found == known.end() ? std::vector<protocol::VerifierKey>() : std::vector{found->second};
        },
        [this](const std::string&, const std::string&, const std::string&) { ++conflicts; }});
  }
  void reopen() {
    cosigner.reset();
    open();
    make();
  }
  void know(const RogueLog& log) { known.insert_or_assign(log.vkey().name, log.vkey()); }
  CosignAnswer ask(const std::string& body) {
    CosignAnswer out;
    cosigner->add_checkpoint(body, [&](CosignAnswer answer) { out = std::move(answer); });
    runtime.run();
    return out;
  }
  // Whether the lines are a cosignature of ours over that note; its time.
  std::optional<std::uint64_t> time_of(const std::string& lines, const std::string& note) const {
    const auto key = cosigner->vkey();
    const auto parsed = protocol::parse_note(note + lines);
    if (!parsed) return std::nullopt;
    const auto verified = protocol::verify_note(*parsed, std::span(&key, 1));
    return verified ? std::optional(verified->front().time_s) : std::nullopt;
  }
};

}  // namespace tocsin::node
