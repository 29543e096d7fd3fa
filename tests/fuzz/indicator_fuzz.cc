#include "protocol/signal/indicator.h"
#include "tests/fuzz/target.h"

using namespace tocsin::protocol;

void tocsin::fuzz::fuzz_one(ByteView input) {
  const auto decoded = decode_indicator(input);
  if (decoded) must(equal(decoded->encode(), input));
  const auto type = static_cast<IndicatorType>(choose(input, 6) + 1);
  const auto parsed = parse_indicator(type, as_text(input));
  if (!parsed) return;
  const auto again = parse_indicator(type, parsed->text());
  must(again.has_value() && *again == *parsed);
  const auto back = decode_indicator(parsed->encode());
  must(back.has_value() && *back == *parsed);
}
