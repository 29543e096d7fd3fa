#include "protocol/process/policy_override.h"

#include "tests/protocol/log/note_fixture.h"
#include "tests/support/catch.h"

using namespace tocsin;
using namespace tocsin::protocol;

TEST_CASE("an override holds for its log, its two policies and its reason, and by the root key alone") {
  const auto root = test::made_key(1);
  const crypto::Signature signature =
      sign_policy_override(root, "log.example/a", "before", "after", "the quorum is lost");
  const auto holds = [&](std::string_view origin, std::string_view before, std::string_view after,
                         std::string_view reason, ByteView bytes, std::uint8_t key = 1) {
    const Status held =
        verify_policy_override(test::made_key(key).public_key(), origin, before, after, reason, bytes);
    if (!held) CHECK(held.error().rule == "policy/override");
    return held.has_value();
  };
  CHECK(holds("log.example/a", "before", "after", "the quorum is lost", signature));
  CHECK_FALSE(holds("log.example/b", "before", "after", "the quorum is lost", signature));
  CHECK_FALSE(holds("log.example/a", "after", "before", "the quorum is lost", signature));
  CHECK_FALSE(holds("log.example/a", "before", "other", "the quorum is lost", signature));
  CHECK_FALSE(holds("log.example/a", "before", "after", "another reason", signature));
  CHECK_FALSE(holds("log.example/a", "before", "after", "the quorum is lost", signature, 2));
  CHECK_FALSE(holds("log.example/a", "before", "after", "the quorum is lost", ByteView(signature).first(63)));
  // Nothing else that the root key signs is one (I40).
  const auto other = root.sign("descriptor", as_view(std::string_view("statement")));
  CHECK_FALSE(holds("log.example/a", "before", "after", "the quorum is lost", other));
}
