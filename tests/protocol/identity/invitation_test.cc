#include "protocol/identity/invitation.h"

#include "crypto/base/encoding.h"
#include "crypto/hash.h"
#include "tests/support/catch.h"

namespace tocsin::protocol {
namespace {

v1::Invitation sample() {
  v1::Invitation out;
  out.set_network_name("Video trust");
  out.set_network_id(std::string(32, 'n'));
  out.set_inviter_name("video.example");
  out.set_inviter_address("video.example:7946");
  out.set_inviter_root(std::string(32, 'r'));
  out.set_secret(std::string(16, 's'));
  out.set_expires_ms(1'800'000'000'000);
  out.set_invitee_name("social.example");
  return out;
}

// The text form of any bytes, checksum included.
std::string dressed(std::string_view body) {
  Bytes bytes = to_bytes(as_view(body));
  append(bytes, ByteView(crypto::sha256(bytes)).first(4));
  return "tocsin-invite-" + base32_encode(bytes);
}

TEST_CASE("an invitation prints and parses back the same") {
  const auto text = print_invitation(sample());
  REQUIRE(text);
  const auto back = parse_invitation(*text);
  REQUIRE(back);
  CHECK(back->SerializeAsString() == sample().SerializeAsString());
  CHECK(*text == dressed(sample().SerializeAsString()));
}

TEST_CASE("one wrong, missing or added character is noticed") {
  const std::string good = *print_invitation(sample());
  for (std::size_t at = 0; at < good.size(); ++at) {
    std::string bad = good;
    bad[at] = bad[at] == 'a' ? 'b' : 'a';
    CHECK_FALSE(parse_invitation(bad));
    bad = good;
    bad.erase(at, 1);
    CHECK_FALSE(parse_invitation(bad));
  }
  CHECK_FALSE(parse_invitation(good + "a"));
  CHECK_FALSE(parse_invitation(good + " "));
  CHECK_FALSE(parse_invitation(""));
  CHECK_FALSE(parse_invitation("tocsin-invite-"));
  CHECK_FALSE(parse_invitation("tocsin-invite-" + std::string(5000, 'a')));
}

TEST_CASE("an invitation with an ill-formed field or another serialisation is refused") {
  const auto refused = [](auto change) {
    auto invitation = sample();
    change(invitation);
    return !print_invitation(invitation) && !parse_invitation(dressed(invitation.SerializeAsString()));
  };
  CHECK(refused([](auto& i) { i.set_network_name(""); }));
  CHECK(refused([](auto& i) { i.set_network_name("a\nb"); }));
  CHECK(refused([](auto& i) { i.set_network_name(std::string(65, 'a')); }));
  CHECK(refused([](auto& i) { i.set_network_id("n"); }));
  CHECK(refused([](auto& i) { i.set_inviter_root(std::string(31, 'r')); }));
  CHECK(refused([](auto& i) { i.set_secret(std::string(15, 's')); }));
  CHECK(refused([](auto& i) { i.set_expires_ms(0); }));
  CHECK(refused([](auto& i) { i.set_inviter_name("Video"); }));
  CHECK(refused([](auto& i) { i.set_invitee_name(""); }));
  CHECK(refused([](auto& i) { i.set_inviter_address("video.example"); }));
  std::string doubled = sample().SerializeAsString();
  doubled += doubled;
  CHECK_FALSE(parse_invitation(dressed(doubled)));
  CHECK_FALSE(parse_invitation(dressed(sample().SerializeAsString() + "\x78\x01")));  // a field nobody knows
}

TEST_CASE("an invitation's id and the proof of joining depend on the secret") {
  CHECK(invitation_id(as_view("sssssssssssssss1")) != invitation_id(as_view("sssssssssssssss2")));
  const FixedBytes<32> exporter{1};
  const FixedBytes<32> other{2};
  const Hash proof = join_proof(as_view("secret"), exporter, as_view("body"));
  CHECK(proof == join_proof(as_view("secret"), exporter, as_view("body")));
  CHECK(proof != join_proof(as_view("secret"), other, as_view("body")));
  CHECK(proof != join_proof(as_view("secreT"), exporter, as_view("body")));
  CHECK(proof != join_proof(as_view("secret"), exporter, as_view("bodY")));
}

}  // namespace
}  // namespace tocsin::protocol
