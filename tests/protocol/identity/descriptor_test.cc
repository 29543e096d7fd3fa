#include "protocol/identity/descriptor.h"

#include "crypto/base/encoding.h"
#include "crypto/hash.h"
#include "tests/protocol/identity/sample_node.h"
#include "tests/support/catch.h"

namespace tocsin::protocol {
namespace {

TEST_CASE("a signed descriptor parses, and its fingerprint is its root key's") {
  const auto made = test::sample_signed("video.example", 1);
  const auto valid = parse_descriptor(made);
  REQUIRE(valid);
  CHECK(valid->name() == "video.example");
  CHECK(valid->fingerprint() == crypto::sha256(test::key_from(1).public_key()));
  CHECK(valid->operational_key() == test::key_from(2).public_key());
  CHECK(valid->signed_form().body() == made.body());
  CHECK_FALSE(valid->valid_at(999));
  CHECK(valid->valid_at(1'000));
  CHECK_FALSE(valid->valid_at(2'000'000'000'000));
  CHECK(parse_descriptor(as_view(made.SerializeAsString())));
}

TEST_CASE("a descriptor changed after signing or signed by another key is refused") {
  const auto good = test::sample_signed("video.example", 1);
  for (std::size_t at = 0; at < good.body().size(); ++at) {
    auto bad = good;
    (*bad.mutable_body())[at] = static_cast<char>(bad.body()[at] ^ 1);
    CHECK_FALSE(parse_descriptor(bad));
  }
  auto bad = good;
  (*bad.mutable_signature())[5] = static_cast<char>(bad.signature()[5] ^ 1);
  const auto refused = parse_descriptor(bad);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().rule == "identity/signature");
  bad.set_signature(to_string(test::key_from(9).sign("descriptor", as_view(bad.body()))));
  CHECK_FALSE(parse_descriptor(bad));
  CHECK_FALSE(sign_descriptor(test::sample_descriptor("video.example", 1), test::key_from(9)));
  for (std::size_t cut = 0; cut < 40; ++cut)
    CHECK_FALSE(parse_descriptor(ByteView(as_view(good.SerializeAsString())).first(cut)));
}

TEST_CASE("a descriptor with an ill-formed field is refused even when signed") {
  const auto signs = [](auto change) {
    auto message = test::sample_descriptor("video.example", 1);
    change(message);
    return sign_descriptor(message, test::key_from(1)).has_value();
  };
  CHECK(signs([](auto&) {}));
  CHECK_FALSE(signs([](auto& d) { d.set_name("Video.example"); }));
  CHECK_FALSE(signs([](auto& d) { d.set_address("video.example"); }));
  CHECK_FALSE(signs([](auto& d) { d.set_operational_key("short"); }));
  CHECK_FALSE(signs([](auto& d) { d.set_operational_key(std::string(32, '\0')); }));
  CHECK_FALSE(signs([](auto& d) { d.set_envelope_key(std::string(33, 'e')); }));
  CHECK_FALSE(signs([](auto& d) { d.clear_tls_spki_sha256(); }));
  CHECK_FALSE(signs([](auto& d) { d.set_log_origin(""); }));
  CHECK_FALSE(signs([](auto& d) { d.set_log_origin("two words"); }));
  CHECK_FALSE(signs([](auto& d) { d.set_valid_until_ms(d.valid_from_ms()); }));
}

TEST_CASE("names and addresses are strict") {
  for (const char* name : {"a", "video.example", "a-b.c1.example", "1.example"}) CHECK(check_node_name(name));
  for (const char* name :
       {"", ".", "a.", ".a", "a..b", "A", "a_b", "-a", "a-", "127.0.0.1", "é.example", "a b"})
    CHECK_FALSE(check_node_name(name));
  CHECK(check_node_name(std::string(63, 'a')));
  CHECK_FALSE(check_node_name(std::string(64, 'a')));
  for (const char* address : {"video.example:1", "127.0.0.1:65535", "[::1]:7946", "localhost:80"})
    CHECK(check_address(address));
  for (const char* address : {"", ":1", "a:", "a:0", "a:65536", "a:01", "a:-1", "::1:80", "[::1]", "[a]:1",
                              "a:1:2", "1.2.3:4", "a b:1"})
    CHECK_FALSE(check_address(address));
}

TEST_CASE("fingerprints print as OpenSSH prints them and parse only so") {
  const Hash hash = crypto::sha256(as_view("key"));
  const std::string text = print_fingerprint(hash);
  CHECK(text == "SHA256:LHDhK3oGRvkiefQnx7OOczTY5Tic/xZ6HcMOc/gmtoM");
  CHECK(text.size() == 50);
  CHECK(*parse_fingerprint(text) == hash);
  CHECK_FALSE(parse_fingerprint(text + "="));
  CHECK_FALSE(parse_fingerprint(text.substr(7)));
  CHECK_FALSE(parse_fingerprint(text.substr(0, 49)));
  CHECK_FALSE(parse_fingerprint("sha256:" + text.substr(7)));
  CHECK_FALSE(parse_fingerprint(""));
  std::string loose = text;
  loose.back() = loose.back() == '9' ? '8' : '9';  // stray bits in the last digit
  CHECK_FALSE(parse_fingerprint(loose));
}

TEST_CASE("a key id is eight bytes of a hash of its own") {
  const auto key = test::key_from(1).public_key();
  Bytes message = to_bytes(as_view("tocsin1/key-id"));
  message.push_back(0);
  append(message, key);
  const Hash digest = crypto::sha256(message);
  CHECK(equal(key_id(key), ByteView(digest).first(8)));
}

}  // namespace
}  // namespace tocsin::protocol
