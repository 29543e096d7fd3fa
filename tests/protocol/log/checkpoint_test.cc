#include "protocol/log/checkpoint.h"

#include "crypto/base/encoding.h"
#include "tests/protocol/log/note_fixture.h"
#include "tests/support/catch.h"

namespace tocsin::protocol {
namespace {

using test::log_vkey;
using test::made_checkpoint;
using test::made_key;
using test::witness_vkey;

constexpr const char* kOrigin = "video.example/ledger";

TEST_CASE("a checkpoint is three lines and comes back as it was") {
  const Checkpoint checkpoint = made_checkpoint(kOrigin, 20852163);
  const std::string text = format_checkpoint(checkpoint);
  CHECK(text == "video.example/ledger\n20852163\n" + base64_encode(checkpoint.tree.root) + "\n");
  const auto parsed = parse_checkpoint(text);
  REQUIRE(parsed);
  CHECK(*parsed == checkpoint);
  CHECK(parse_checkpoint(format_checkpoint(made_checkpoint(kOrigin, 0))));
  CHECK(parse_checkpoint(format_checkpoint(made_checkpoint(kOrigin, UINT64_MAX))));
}

TEST_CASE("a checkpoint with another spelling is refused") {
  const std::string root = base64_encode(leaf_hash({})) + "\n";
  REQUIRE(parse_checkpoint("o\n7\n" + root));
  for (const std::string& bad : {"o\n07\n" + root, "o\n-7\n" + root, "o\n\n" + root, "o\n7 \n" + root,
                                 "o\n18446744073709551616\n" + root, "\n7\n" + root, "a b\n7\n" + root,
                                 "a+b\n7\n" + root, "o\r\n7\r\n" + root, "o\n7\n" + root + "extension\n",
                                 "o\n7\n" + root + "\n", "o\n0\n" + root, std::string("o\n7\nAAAA\n"),
                                 "o\n7\n" + root.substr(0, 44), "o\n7\n" + base64_encode(Bytes(31)) + "\n",
                                 "o\n7\n" + base64_encode(Bytes(33)) + "\n", "7\n" + root, std::string()})
    CHECK_FALSE(parse_checkpoint(bad));
  // A 32-byte root ends in one digit with two unused bits.
  std::string loose = "o\n7\n" + root;
  loose[loose.size() - 3] = static_cast<char>(loose[loose.size() - 3] + 1);
  CHECK_FALSE(parse_checkpoint(loose));
}

TEST_CASE("a signed checkpoint opens under the log's key") {
  const std::string note = sign_checkpoint(made_key(1), made_checkpoint(kOrigin));
  const std::vector<VerifierKey> keys = {log_vkey(1, kOrigin)};
  const auto opened = open_checkpoint(note, keys);
  REQUIRE(opened);
  CHECK(opened->checkpoint == made_checkpoint(kOrigin));
  CHECK(format_note(opened->note) == note);
  CHECK_FALSE(open_checkpoint(note, std::vector{log_vkey(2, kOrigin)}));
  CHECK_FALSE(open_checkpoint(note, {}));
  for (std::size_t n = 0; n < note.size(); ++n) REQUIRE_FALSE(open_checkpoint(note.substr(0, n), keys));
}

TEST_CASE("a checkpoint signed only by a witness or by another log does not open") {
  const std::string text = format_checkpoint(made_checkpoint(kOrigin));
  const std::vector<VerifierKey> keys = {log_vkey(1, kOrigin), log_vkey(2, "social.example"),
                                         witness_vkey(3, kOrigin)};
  const auto opens = [&](std::vector<NoteSignature> signatures) {
    return open_checkpoint(format_note({text, std::move(signatures)}), keys).has_value();
  };
  CHECK(opens({sign_note(made_key(1), kOrigin, text)}));
  CHECK_FALSE(opens({sign_note(made_key(2), "social.example", text)}));
  CHECK_FALSE(opens({cosign_note(made_key(3), kOrigin, 1, text)}));
  CHECK(opens({cosign_note(made_key(3), kOrigin, 1, text), sign_note(made_key(1), kOrigin, text)}));
}

}  // namespace
}  // namespace tocsin::protocol
