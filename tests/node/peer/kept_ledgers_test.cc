#include "node/peer/kept_ledgers.h"

#include "tests/support/catch.h"
#include "tests/support/company.h"
#include "tocsin/v1/record.pb.h"

namespace tocsin::node {
namespace {

struct Kept {
  tests::Company alpha{"alpha.example"}, beta{"beta.example"};
  crypto::KemKey key = crypto::KemKey::derive(Bytes(32, 7));
  Kept() {
    REQUIRE(alpha.commit(alpha.members->create_network("pair", "be fair")));
    tests::join(alpha, beta);
    const std::string id = alpha.submit('1');
    REQUIRE(alpha.commit(alpha.reviewed(id)));
    REQUIRE(alpha.commit(alpha.published(id)));
    alpha.submit('2');
    REQUIRE(beta.pull(alpha));
  }
  Result<v1::HeldReply> ask(const Hash& owner, std::uint64_t from) {
    v1::HeldRequest request;
    request.set_from(from);
    request.set_envelope_key(to_string(key.public_key()));
    request.set_heads(true);
    return KeptLedgers(*beta.memory, beta.runtime, beta.descriptor->fingerprint()).held(owner, request);
  }
};

}  // namespace

TEST_CASE("an owner gets back its own leaves, the openings it had given, and the checkpoint it signed") {
  Kept kept;
  const Hash owner = kept.alpha.descriptor->fingerprint();
  const auto reply = kept.ask(owner, 0);
  REQUIRE(reply);
  CHECK(reply->size() == kept.alpha.ledger->size());
  REQUIRE(reply->checkpoints_size() == 1);
  CHECK(reply->checkpoints(0) == *kept.alpha.ledger->checkpoint());
  CHECK(reply->leaves() == to_string(kept.alpha.ledger->leaves(0, kept.alpha.ledger->size()).value()));
  const auto openings =
      protocol::open_page({kept.beta.descriptor->fingerprint(), owner, 0}, kept.key, reply->page());
  REQUIRE(openings);
  // All but the draft, which was given to nobody.
  CHECK(static_cast<std::uint64_t>(openings->openings_size()) == kept.alpha.ledger->size() - 1);
  const auto none = kept.ask(owner, reply->size());
  REQUIRE(none);
  CHECK(none->leaves().empty());
}

TEST_CASE("nobody gets anything of a ledger that is not its own") {
  Kept kept;
  Hash stranger{};
  stranger.fill(3);
  const auto reply = kept.ask(stranger, 0);
  REQUIRE(reply);
  CHECK(reply->size() == 0);
  CHECK(reply->checkpoints_size() == 0);
  CHECK(reply->leaves().empty());
}

}  // namespace tocsin::node
