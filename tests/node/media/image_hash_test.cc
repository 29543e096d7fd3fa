#include "node/media/image_hash.h"

#include "tests/support/catch.h"

using namespace tocsin;
using namespace tocsin::node;

namespace {

ImageHash sample() {
  ImageHash hash{{ImageFormat::kWebp, 640, 480, false}, {}, 77};
  for (std::size_t i = 0; i < 32; ++i) hash.pdq.bytes[i] = static_cast<std::uint8_t>(i * 7);
  return hash;
}

}  // namespace

TEST_CASE("an answer with a hash reads back") {
  const Bytes answer = encode_answer(sample());
  REQUIRE(answer_body_bytes(ByteView(answer).first(kAnswerHeaderBytes)).value() ==
          answer.size() - kAnswerHeaderBytes);
  const auto back = decode_answer(answer);
  REQUIRE(back);
  CHECK(back->pdq == sample().pdq);
  CHECK(back->quality == 77);
  CHECK(back->image.format == ImageFormat::kWebp);
  CHECK(back->image.width == 640);
  CHECK(back->image.height == 480);
  CHECK_FALSE(back->image.complete);
}

TEST_CASE("a refusal crosses as short printable text") {
  const auto back =
      decode_answer(encode_answer(fail(Code::kInvalidArgument, "odd\n\x1b[31m" + std::string(1000, 'x'))));
  REQUIRE_FALSE(back);
  CHECK(back.error().message.size() == kAnswerBodyBytesMax);
  CHECK(back.error().message.starts_with("odd??[31mxxx"));
  CHECK(back.error().rule == "media/format");
}

TEST_CASE("an answer from a subverted worker is refused when it breaks the form in any field") {
  const Bytes good = encode_answer(sample());
  const auto with = [&](std::size_t at, std::uint8_t value) {
    Bytes bad = good;
    bad[at] = value;
    const auto back = decode_answer(bad);
    return back ? Code{0} : back.error().code;
  };
  CHECK(with(0, 0) == Code::kDataLoss);  // kind
  CHECK(with(0, 3) == Code::kDataLoss);
  CHECK(with(1, 200) == Code::kDataLoss);  // length
  CHECK(with(3, 0) == Code::kDataLoss);    // format
  CHECK(with(3, 4) == Code::kDataLoss);
  CHECK(with(4, 2) == Code::kDataLoss);    // complete
  CHECK(with(5, 101) == Code::kDataLoss);  // quality
  CHECK_FALSE(decode_answer({}));
  CHECK_FALSE(decode_answer(ByteView(good).first(good.size() - 1)));
  CHECK_FALSE(decode_answer(Bytes{2, 0, 1, 0x1b}));
  CHECK(decode_answer(Bytes{2, 0, 1, 'x'}).error().message == "x");
}
