#include "crypto/seal.h"
#include "tests/fuzz/target.h"

void tocsin::fuzz::fuzz_one(ByteView input) {
  const crypto::DataKey key;
  const auto plain = crypto::open(key, {}, input);
  if (plain) must(input.size() == plain->size() + crypto::kSealOverhead);
  const auto secret = crypto::open_secret(key, {}, input);
  must(secret.has_value() == plain.has_value());
}
