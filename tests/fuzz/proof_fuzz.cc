#include "crypto/base/encoding.h"
#include "protocol/log/proof.h"
#include "tests/fuzz/target.h"

using namespace tocsin::protocol;

// index ‖ older size ‖ newer size ‖ hashes: no numbers and no hashes may lead a verifier astray.
void tocsin::fuzz::fuzz_one(ByteView input) {
  if (input.size() < 24) return;
  std::uint64_t number[3];
  std::memcpy(number, input.data(), sizeof number);
  input = input.subspan(24);
  Proof proof(input.size() / sizeof(Hash));
  if (!proof.empty()) std::memcpy(proof.data(), input.data(), proof.size() * sizeof(Hash));
  Hash none{};
  const auto root = root_from_inclusion(none, number[0], number[1], proof);
  if (root) must(verify_inclusion(none, number[0], number[1], proof, *root).has_value());
  const TreeHead older{number[1], none};
  const TreeHead newer{number[2], none};
  if (number[1] != number[2]) must(!verify_consistency(older, newer, proof).has_value());
}
