// Who is refused, and what each side is told: on the link, in the log, in `tocsin peer show`, on the
// terminal.
#include <fstream>

#include "crypto/base/encoding.h"
#include "crypto/hash.h"
#include "tests/e2e/attacker.h"

using namespace tocsin;
using namespace tocsin::e2e;

namespace {

// Every file's path, mode and bytes.
std::string picture_of(const std::string& folder) {
  std::vector<std::string> lines;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    std::ostringstream bytes;
    bytes << std::ifstream(entry.path(), std::ios::binary).rdbuf();
    lines.push_back(entry.path().string() + " " + hex_encode(crypto::sha256(as_view(bytes.str()))));
  }
  std::sort(lines.begin(), lines.end());
  std::string out;
  for (const std::string& line : lines) out += line + "\n";
  return out;
}

void expect_refused(Company& company, node::TlsIdentity identity, const std::string& reason) {
  INFO(reason);
  Attacker caller(std::move(identity));
  const auto link = caller.link(company.address());
  REQUIRE_FALSE(link);
  CHECK(link.error().rule == "link/refused");
  CHECK(link.error().message == "refused by the peer: " + reason);
  CHECK(company.daemon().await("refused here: " + reason));
}

struct Expected {
  std::vector<std::string> words;
  int code;
  std::string rule;
};

void expect_error(const Company& company, const Expected& expected) {
  INFO(expected.words[0] << " " << expected.words.back());
  const Finished plain = company.tocsin(expected.words);
  CHECK(plain.code == expected.code);
  CHECK(plain.out.empty());
  CHECK(plain.err.rfind("tocsin: ", 0) == 0);
  CHECK(plain.err.find("[" + expected.rule + "]") != std::string::npos);
  auto words = expected.words;
  words.insert(words.end(), {"-o", "json"});
  const Finished json = company.tocsin(words);
  CHECK(json.code == expected.code);
  CHECK(json.out.empty());
  CHECK(json_field(json.err, "rule") == expected.rule);
  CHECK_FALSE(json_field(json.err, "detail").empty());
  CHECK_FALSE(json_field(json.err, "status").empty());
}

}  // namespace

TEST_CASE("unpinned, expired and swapped identities are refused with the reason on both sides",
          "[refusals]") {
  const tests::TempDir dir;
  Company alpha(dir, "alpha");
  Company beta(dir, "beta");
  alpha.start();
  beta.start();
  make_network(alpha, {&beta});
  beta.stop();
  const node::Keys keys = Attacker::keys_of(beta);
  expect_refused(alpha, stranger_identity(), "this root key is not a member here");
  expect_refused(alpha, stolen_identity(keys), "the certificate's key is not the descriptor's");
  expect_refused(alpha, expired_identity(keys), "the descriptor has expired; renew it");
  const std::string shown = alpha.tocsin({"peer", "show", "beta.example"}).out;
  CHECK(shown.find("the descriptor has expired") != std::string::npos);
  CHECK(alpha.peer("beta.example").last_refusal() == "the descriptor has expired; renew it");
}

TEST_CASE("a suspended peer is refused, both operators see why, and it comes back when it is resumed",
          "[refusals]") {
  const tests::TempDir dir;
  Company alpha(dir, "alpha");
  Company beta(dir, "beta");
  alpha.start();
  beta.start();
  make_network(alpha, {&beta});
  alpha.ask({"peer", "suspend", "beta.example", "--reason", "key-compromise"});
  beta.until("it knows why it is refused", [&] {
    return beta.peer("alpha.example").last_error() == "refused by the peer: this node is suspended here";
  });
  CHECK(beta.tocsin({"peer", "show", "alpha.example"}).out.find("this node is suspended here") !=
        std::string::npos);
  CHECK(beta.daemon().await("refused by the peer: this node is suspended here"));
  CHECK(alpha.daemon().await("refused here: this node is suspended here"));
  const std::string shown = alpha.tocsin({"peer", "show", "beta.example"}).out;
  INFO(shown);
  CHECK(shown.find("suspended (key-compromise)") != std::string::npos);
  CHECK(shown.find("this node is suspended here") != std::string::npos);
  alpha.ask({"peer", "resume", "beta.example", "--reason", "a new key, compared by phone"});
  for (Company* company : {&alpha, &beta})
    company->until("they sync again", [&] { return company->status().peers_in_sync() == 1; });
}

TEST_CASE("joining waits for the inviter, and says what is in the way", "[refusals]") {
  const tests::TempDir dir;
  Company alpha(dir, "alpha");
  Company beta(dir, "beta");
  alpha.start();
  beta.start();
  alpha.ask({"network", "create", "tvec-e2e", "--charter", dir.write("charter", "Rules.\n")});
  const auto invite = [&](const std::string& name) {
    return json_field(alpha.ask({"network", "invite", "--peer-name", name}), "token");
  };
  const std::string token = invite("beta.example");
  const auto join = [&](const std::string& with, const std::string& wait) {
    std::vector<std::string> words = {"network",           "join", with,  "--fingerprint",
                                      alpha.fingerprint(), "-o",   "json"};
    words.insert(words.end(), {wait.empty() ? "--no-wait" : "--wait"});
    if (!wait.empty()) words.push_back(wait);
    return beta.tocsin(std::move(words));
  };
  alpha.kill();
  const Finished alone = join(token, "1s");
  INFO(alone.err);
  CHECK(alone.code == 6);
  CHECK(json_field(alone.err, "rule") == "join/unanswered");
  CHECK(json_field(alone.err, "why").find("refused") != std::string::npos);
  CHECK(json_field(join(token, "").out, "state") == "connecting");
  alpha.start();
  CHECK(json_field(join(token, "20s").out, "state") == "waiting");
  CHECK(alpha.ask({"network", "candidates"}).find("beta.example") != std::string::npos);

  Company gamma(dir, "gamma");
  gamma.start();
  const Finished wrong =
      gamma.tocsin({"network", "join", invite("delta.example"), "--fingerprint", alpha.fingerprint()});
  INFO(wrong.err);
  CHECK(wrong.code == 4);
  CHECK(wrong.err.find("this invitation is for delta.example") != std::string::npos);
  CHECK(wrong.err.find("[join/refused]") != std::string::npos);
  // With the right one it may still come in.
  CHECK(json_field(
            gamma.ask({"network", "join", invite("gamma.example"), "--fingerprint", alpha.fingerprint()}),
            "state") == "waiting");
}

TEST_CASE("errors have the exit codes and the two forms of the manual", "[refusals]") {
  const tests::TempDir dir;
  Company alpha(dir, "alpha");
  expect_error(alpha, {{"status"}, 6, "admin/unreachable"});
  alpha.start();
  expect_error(alpha, {{"no-such-command"}, 2, "usage"});
  expect_error(alpha,
               {{"signal", "submit", "sha256", "xyz", "--label", "tvec:propaganda"}, 2, "signal/format"});
  expect_error(alpha, {{"peer", "show", "nobody.example"}, 3, "peer/unknown"});
  expect_error(alpha, {{"network", "show"}, 3, "network/none"});
  alpha.ask({"network", "create", "tvec-e2e", "--charter", dir.write("charter", "Rules.\n")});
  expect_error(alpha,
               {{"network", "create", "again", "--charter", dir.file("charter")}, 5, "network/exists"});
  expect_error(alpha, {{"ledger", "export", "/nowhere/x.bundle"}, 4, "export/path"});
  alpha.ask({"token", "create", "desk"});
  expect_error(alpha, {{"token", "create", "desk"}, 5, "auth/name"});
  const std::string id = json_field(
      alpha.ask({"signal", "submit", "sha256", sha256_of("x"), "--label", "tvec:propaganda"}), "items.0.id");
  const Finished unreviewed = alpha.tocsin({"signal", "publish", id});
  INFO(unreviewed.err);
  CHECK(unreviewed.code == 9);
  const std::string large = dir.write("large", {});
  std::filesystem::resize_file(large, (64ULL << 20) + 1);
  expect_error(alpha, {{"match", "file", large}, 2, "file/size"});

  const std::string bundle = dir.file("flipped.bundle");
  const std::string vkey = json_field(alpha.ask({"ledger", "export", bundle}), "vkey");
  std::fstream file(bundle, std::ios::in | std::ios::out | std::ios::binary);
  std::ostringstream bytes;
  bytes << file.rdbuf();
  const std::size_t at = bytes.str().find("TOC1") + 100;
  file.seekp(static_cast<std::streamoff>(at));
  file.put(static_cast<char>(bytes.str()[at] ^ 1));
  file.close();
  CHECK(tests::run_program({program("tocsin-verify"), bundle, "--vkey", vkey}).code == 8);
}

TEST_CASE("a wrong passphrase, a damaged keystore and an existing directory change nothing", "[refusals]") {
  const tests::TempDir dir;
  const std::string folder = dir.file("node");
  const auto secret = [&](const std::string& name, const std::string& text) {
    const std::string path = dir.write(name, text);
    std::filesystem::permissions(path, std::filesystem::perms(0600));
    return path;
  };
  const std::string right = secret("right", "correct horse\n");
  const std::string wrong = secret("wrong", "battery staple\n");
  const auto init = [&](const std::string& passphrase) {
    return tests::run_program({program("tocsin"), "init", "--name", "a.example", "--data-dir", folder,
                               "--listen", free_address(), "--passphrase-file", passphrase});
  };
  REQUIRE(init(right).code == 0);
  const std::string before = picture_of(folder);
  const auto serve = [&](const std::string& passphrase) {
    return tests::run_program(
        {program("tocsind"), "serve", "--config", folder + "/tocsin.toml", "--passphrase-file", passphrase});
  };
  const Finished again = init(wrong);
  CHECK(again.code == 5);
  CHECK(picture_of(folder) == before);

  const Finished locked = serve(wrong);
  INFO(locked.err);
  CHECK(locked.code == 4);
  CHECK(locked.err.find("[keyfile/passphrase]") != std::string::npos);
  CHECK(locked.err.find("  Fix:  ") != std::string::npos);
  CHECK(picture_of(folder) == before);
  CHECK(serve(dir.file("missing")).code == 3);

  std::fstream keystore(folder + "/keystore", std::ios::in | std::ios::out | std::ios::binary);
  keystore.seekg(200);
  const int byte = keystore.get();
  keystore.seekp(200);
  keystore.put(static_cast<char>(byte ^ 1));
  keystore.close();
  const std::string damaged = picture_of(folder);
  const Finished broken = serve(right);
  INFO(broken.err);
  CHECK(broken.code != 0);
  CHECK(broken.err.find("[keyfile/") != std::string::npos);
  CHECK(picture_of(folder) == damaged);
}
