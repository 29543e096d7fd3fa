#include "node/http/auth.h"

#include <sys/stat.h>

#include "crypto/random.h"
#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

using namespace tocsin;
using namespace tocsin::node;
using tocsin::tests::TempDir;

namespace {
std::string add(Tokens& tokens, const std::string& name, std::vector<Scope> scopes) {
  return tokens.add(name, std::move(scopes), crypto::random_secret<32>()).value();
}
std::string rule_of(const Result<Tokens::Holder>& holder) {
  return holder ? holder->name : holder.error().rule;
}
}  // namespace

TEST_CASE("a token names its holder and grants its scopes, also after the file is read again") {
  TempDir dir;
  const std::string path = dir.file("tokens");
  auto tokens = Tokens::open(path).value();
  const std::string desk = add(*tokens, "upload-desk", {Scope::kMatch});
  const std::string both = add(*tokens, "both", {Scope::kMetrics, Scope::kMatch});
  CHECK(desk.size() == 59);
  const auto reopened = Tokens::open(path).value();
  for (const Tokens* t : {tokens.get(), reopened.get()}) {
    const auto holder = t->holder("Bearer " + desk).value();
    CHECK(holder.name == "upload-desk");
    CHECK(holder.may(Scope::kMatch));
    CHECK(holder.may(Scope::kOpen));
    CHECK_FALSE(holder.may(Scope::kMetrics));
    CHECK_FALSE(holder.may(Scope::kOperator));
    CHECK(t->holder("bearer " + both).value().may(Scope::kMetrics));
  }
}

TEST_CASE("the file holds hashes, never a token, and is private") {
  TempDir dir;
  auto tokens = Tokens::open(dir.file("tokens")).value();
  const std::string token = add(*tokens, "desk", {Scope::kMatch});
  const std::string text = dir.read("tokens");
  CHECK(text.find(token.substr(7)) == std::string::npos);
  CHECK(text.find("desk match ") != std::string::npos);
  chmod(dir.file("tokens").c_str(), 0644);
  CHECK(Tokens::open(dir.file("tokens")).error().rule == "file/permissions");
}

TEST_CASE("unknown, altered, missing and oversized credentials are refused alike") {
  TempDir dir;
  auto tokens = Tokens::open(dir.file("tokens")).value();
  std::string token = add(*tokens, "desk", {Scope::kMatch});
  CHECK(rule_of(tokens->holder("Bearer " + token)) == "desk");
  CHECK(rule_of(tokens->holder("")) == "auth/token");
  CHECK(rule_of(tokens->holder("Bearer")) == "auth/token");
  CHECK(rule_of(tokens->holder("Bearer ")) == "auth/token");
  CHECK(rule_of(tokens->holder("Basic " + token)) == "auth/token");
  CHECK(rule_of(tokens->holder("Bearer " + token + std::string(1000, 'a'))) == "auth/token");
  CHECK(rule_of(tokens->holder("Bearer " + token + " ")) == "auth/token");
  token.back() = token.back() == 'a' ? 'q' : 'a';
  CHECK(rule_of(tokens->holder("Bearer " + token)) == "auth/token");
}

TEST_CASE("a removed token stops working and its name is free again") {
  TempDir dir;
  auto tokens = Tokens::open(dir.file("tokens")).value();
  const std::string token = add(*tokens, "desk", {Scope::kMatch});
  CHECK(tokens->add("desk", {Scope::kMatch}, crypto::random_secret<32>()).error().code ==
        Code::kAlreadyExists);
  REQUIRE(tokens->remove("desk"));
  CHECK(tokens->remove("desk").error().code == Code::kNotFound);
  CHECK(rule_of(tokens->holder("Bearer " + token)) == "auth/token");
  add(*tokens, "desk", {Scope::kMatch});
}

TEST_CASE("names and scopes that cannot be granted are refused, and so is a file that does not parse") {
  TempDir dir;
  auto tokens = Tokens::open(dir.file("tokens")).value();
  const Secret<32> entropy = crypto::random_secret<32>();
  CHECK(tokens->add("two words", {Scope::kMatch}, entropy).error().rule == "auth/name");
  CHECK(tokens->add("", {Scope::kMatch}, entropy).error().rule == "auth/name");
  CHECK(tokens->add("x", {}, entropy).error().rule == "auth/scopes");
  CHECK(tokens->add("x", {Scope::kOperator}, entropy).error().rule == "auth/scopes");
  const std::string good = add(*tokens, "good", {Scope::kMatch});
  for (const char* bad : {"name\n", "name match\n", "name match zz\n",
                          "name all "
                          "00\n",
                          "Name match 00\n"}) {
    dir.write("tokens", bad);
    INFO(bad);
    CHECK(tokens->reload().error().rule != "");
    CHECK(rule_of(tokens->holder("Bearer " + good)) == "good");
  }
}
