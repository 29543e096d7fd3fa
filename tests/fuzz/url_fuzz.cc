#include "protocol/signal/url.h"
#include "tests/fuzz/target.h"

using namespace tocsin::protocol;

void tocsin::fuzz::fuzz_one(ByteView input) {
  const auto url = canonical_url(as_text(input));
  if (!url) return;
  const auto again = canonical_url(url->text());
  must(again.has_value() && again->text() == url->text());
  must(url_expressions(*url).size() <= kUrlHostFormsMax * kUrlPathFormsMax);
}
