#include "node/media/image_hash.h"
#include "tests/fuzz/target.h"

using namespace tocsin::node;

void tocsin::fuzz::fuzz_one(ByteView input) {
  const auto hash = decode_answer(input);
  if (hash) {
    must(equal(encode_answer(hash), input));
    must(hash->quality <= 100);
  } else if (hash.error().rule == "media/format") {  // the worker's own refusal
    must(equal(encode_answer(hash), input));
  } else {
    must(hash.error().code == Code::kDataLoss);
  }
}
