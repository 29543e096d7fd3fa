#include "protocol/verify/bundle.h"
#include "protocol/verify/tar.h"
#include "tests/fuzz/target.h"

using namespace tocsin::protocol;

void tocsin::fuzz::fuzz_one(ByteView input) {
  (void)Bundle::open(input);
  (void)parse_manifest(as_text(input));
  (void)parse_consistency(as_text(input));
  const auto files = read_tar(input);
  if (!files) return;
  for (const auto& file : *files) must(file.name.find("..") == std::string::npos);
}
