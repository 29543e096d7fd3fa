#include "crypto/stream_seal.h"

#include <sodium.h>

#include "crypto/random.h"
#include "tests/support/catch.h"

using namespace tocsin;
using namespace tocsin::crypto;

namespace {

struct Sealed {
  DataKey key = random_secret<32>();
  StreamHeader header{};
  std::vector<Bytes> chunks;

  StreamOpener opener() const { return StreamOpener(key, header); }
};

Sealed sealed_stream() {
  Sealed out;
  StreamSealer sealer(out.key);
  out.header = sealer.header();
  for (const char* chunk : {"first", "second", ""})
    out.chunks.push_back(sealer.seal(as_view(std::string_view(chunk)), false));
  out.chunks.push_back(sealer.seal(as_view("last"), true));
  return out;
}

}  // namespace

TEST_CASE("a sealed stream opens in its order and says when it has ended") {
  const Sealed stream = sealed_stream();
  StreamOpener opener = stream.opener();
  const std::vector<std::string_view> plain = {"first", "second", ""};
  for (std::size_t i = 0; i < plain.size(); ++i) {
    CHECK(stream.chunks[i].size() == plain[i].size() + kStreamChunkOverhead);
    CHECK(as_text(opener.open(stream.chunks[i]).value()) == plain[i]);
    CHECK_FALSE(opener.finished());
  }
  CHECK(as_text(opener.open(stream.chunks[3]).value()) == "last");
  CHECK(opener.finished());
  CHECK(opener.open(stream.chunks[3]).error().rule == "seal/finished");
}

TEST_CASE("a chunk left out, repeated, swapped or altered does not open") {
  const Sealed stream = sealed_stream();
  {
    StreamOpener opener = stream.opener();
    CHECK(opener.open(stream.chunks[1]).error().rule == "seal/damaged");
  }
  {
    StreamOpener opener = stream.opener();
    REQUIRE(opener.open(stream.chunks[0]));
    CHECK(opener.open(stream.chunks[0]).error().rule == "seal/damaged");
  }
  for (std::size_t at = 0; at < stream.chunks[0].size(); ++at) {
    StreamOpener opener = stream.opener();
    Bytes altered = stream.chunks[0];
    altered[at] ^= 0x10;
    CHECK(opener.open(altered).error().rule == "seal/damaged");
  }
  StreamOpener other(random_secret<32>(), stream.header);
  CHECK(other.open(stream.chunks[0]).error().code == Code::kDataLoss);
  StreamOpener opener = stream.opener();
  CHECK(opener.open(as_view("short")).error().rule == "seal/format");
}

TEST_CASE("libsodium itself opens what was sealed, so the format is its own") {
  const Sealed stream = sealed_stream();
  crypto_secretstream_xchacha20poly1305_state state;
  REQUIRE(crypto_secretstream_xchacha20poly1305_init_pull(&state, stream.header.data(),
                                                          stream.key.expose().data()) == 0);
  Bytes out(5);
  unsigned char tag = 0;
  REQUIRE(crypto_secretstream_xchacha20poly1305_pull(&state, out.data(), nullptr, &tag,
                                                     stream.chunks[0].data(), stream.chunks[0].size(),
                                                     nullptr, 0) == 0);
  CHECK(as_text(out) == "first");
}
