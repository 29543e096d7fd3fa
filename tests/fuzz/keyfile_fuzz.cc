#include "crypto/keyfile.h"
#include "tests/fuzz/target.h"

// A raw key only: what a passphrase's key costs is Argon2id's business, not the parser's.
void tocsin::fuzz::fuzz_one(ByteView input) {
  const Secret<32> key;
  const auto kind = crypto::keyfile_kind(input);
  const auto payload = crypto::open_keyfile(input, key);
  must(!payload.has_value() || (kind.has_value() && *kind == crypto::KeyfileKind::kRawKey));
}
