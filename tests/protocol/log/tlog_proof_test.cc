#include "protocol/log/tlog_proof.h"

#include "crypto/base/encoding.h"
#include "tests/protocol/log/note_fixture.h"
#include "tests/protocol/log/reference_tree.h"
#include "tests/support/catch.h"

namespace tocsin::protocol {
namespace {

TlogProof made_proof() {
  TlogProof proof;
  proof.index = 73894;
  proof.proof = test::made_leaves(5);
  proof.checkpoint = sign_checkpoint(test::made_key(1), test::made_checkpoint("example.com/fancylog"));
  return proof;
}

TEST_CASE("a proof file comes back as it was, with and without extra data") {
  TlogProof proof = made_proof();
  for (int round = 0; round < 2; ++round) {
    const std::string text = format_tlog_proof(proof);
    const auto parsed = parse_tlog_proof(text);
    REQUIRE(parsed);
    CHECK(parsed->index == proof.index);
    CHECK(parsed->proof == proof.proof);
    CHECK(parsed->checkpoint == proof.checkpoint);
    CHECK(parsed->extra == proof.extra);
    CHECK(format_tlog_proof(*parsed) == text);
    proof.extra = Bytes{1, 2, 3};
    proof.proof.clear();
    proof.index = 0;
  }
}

TEST_CASE("a malformed proof file is refused") {
  const std::string hash = base64_encode(Hash{}) + "\n";
  const std::string head = "c2sp.org/tlog-proof@v1\n";
  REQUIRE(parse_tlog_proof(head + "index 1\n" + hash + "\nnote\n"));
  std::string many;
  for (int i = 0; i < 65; ++i) many += hash;
  for (const std::string& bad :
       {std::string(), head, head + "index 1\n", head + "index 1\n" + hash, head + "index 1\n\n",
        std::string("c2sp.org/tlog-proof@v2\nindex 1\n\nnote\n"), head + "index 01\n\nnote\n",
        head + "index -1\n\nnote\n", head + "index\n\nnote\n", head + "\nnote\n",
        head + "extra A\nindex 1\n\nnote\n", head + "extra AA==\nextra AA==\nindex 1\n\nnote\n",
        head + "index 1\nextra AA==\n\nnote\n", head + "index 1\nAAAA\n\nnote\n",
        head + "index 1\n" + many + "\nnote\n", head + "index 1\r\n\r\nnote\n",
        head + "index 1\n\n" + std::string(kNoteBytesMax + 1, 'x'),
        head + "extra " + base64_encode(Bytes(kTlogProofExtraBytesMax + 1)) + "\nindex 1\n\nnote\n"})
    CHECK_FALSE(parse_tlog_proof(bad));
}

}  // namespace
}  // namespace tocsin::protocol
