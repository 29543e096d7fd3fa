#include "protocol/log/witness.h"

#include "crypto/base/encoding.h"
#include "tests/protocol/log/note_fixture.h"
#include "tests/support/catch.h"

using namespace tocsin;
using namespace tocsin::protocol;
using namespace tocsin::test;

namespace {

Proof hashes(std::size_t count) {
  Proof proof;
  for (std::size_t i = 0; i < count; ++i) proof.push_back(leaf_hash(as_view(std::to_string(i))));
  return proof;
}

}  // namespace

TEST_CASE("a request to cosign is read as it was written, with up to 63 lines of proof") {
  const std::string note = sign_checkpoint(made_key(1), made_checkpoint("log.example/x", 9));
  for (const std::size_t count : {0, 1, 63}) {
    const std::string body = format_add_checkpoint({count, hashes(count), note});
    const auto read = parse_add_checkpoint(body);
    REQUIRE(read);
    CHECK(read->old_size == count);
    CHECK(read->proof == hashes(count));
    CHECK(read->checkpoint == note);
    CHECK(format_add_checkpoint(*read) == body);
  }
}

TEST_CASE("a request to cosign has one spelling") {
  const std::string line = base64_encode(hashes(1)[0]) + "\n";
  std::string many = "old 1\n";
  for (int i = 0; i < 64; ++i) many += line;
  for (const std::string& body :
       {std::string(), std::string("old 1"), std::string("old 1\n"), std::string("old 01\n\nnote"),
        std::string("old -1\n\nnote"), std::string("old  1\n\nnote"), std::string("Old 1\n\nnote"),
        std::string("old 1\r\n\nnote"), std::string("old 18446744073709551616\n\nnote"), "old 1\n" + line,
        std::string("old 1\nAAAA\n\nnote"), "old 1\n" + line.substr(0, 43) + "\n\nnote", many + "\nnote",
        "old 1\n\n" + std::string(kAddCheckpointBytesMax, 'x')})
    CHECK_FALSE(parse_add_checkpoint(body));
}

TEST_CASE("signature lines are read as they were written, and nothing may stand between them") {
  const std::string text = format_checkpoint(made_checkpoint("log.example/x"));
  const std::vector<NoteSignature> two = {cosign_note(made_key(1), "a.example/w", 7, text),
                                          cosign_note(made_key(2), "b.example/w", 8, text)};
  const std::string lines = format_signatures(two);
  const auto read = parse_signatures(lines);
  REQUIRE(read);
  CHECK(read->size() == 2);
  CHECK(format_signatures(*read) == lines);
  const std::string one = format_signatures(std::span(two).first(1));
  CHECK(one.starts_with("— a.example/w "));
  for (const std::string& wrong : {std::string(), std::string("\n"), one + "\n" + one, "x" + one,
                                   one.substr(0, one.size() - 1), std::string("text\n\n") + one})
    CHECK_FALSE(parse_signatures(wrong));
}
