#include "node/cli/session.h"

#include <filesystem>

#include "node/cli/exit_code.h"
#include "tests/node/cli/cli_run.h"
#include "tests/support/admin_server.h"
#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"
#include "tocsin/v1/admin.pb.h"

using tocsin::tests::AdminServer;
using tocsin::tests::CliRun;
using tocsin::tests::contains;
using tocsin::tests::run_cli;
using tocsin::tests::TempDir;
namespace v1 = tocsin::v1;

namespace {

AdminServer::Handler refuses(unsigned status, const std::string& members) {
  return
      [status, members](const std::string&) { return AdminServer::problem(status, "it cannot be", members); };
}

}  // namespace

TEST_CASE("each kind of refusal by the daemon has its exit code and its words") {
  struct Case {
    unsigned status;
    std::string members;
    int exit;
  };
  const std::vector<Case> cases = {
      {400, R"(,"code":"INVALID_ARGUMENT","rule":"signal/format")", 2},
      {404, R"(,"code":"NOT_FOUND","rule":"signal/unknown")", 3},
      {401, R"(,"code":"UNAUTHENTICATED")", 4},
      {403, R"(,"code":"PERMISSION_DENIED")", 4},
      {409, R"(,"code":"FAILED_PRECONDITION")", 5},
      {409, R"(,"code":"ALREADY_EXISTS")", 5},
      {409, R"(,"code":"ABORTED")", 5},
      {503, R"(,"code":"UNAVAILABLE")", 6},
      {504, R"(,"code":"DEADLINE_EXCEEDED")", 6},
      {500, R"(,"code":"INTERNAL")", 1},
      {404, "", 3},
      {503, "", 6},
      {409, R"(,"code":9,"rule":"due-process/R2","why":"rule R2","fix":"ask another reviewer")", 9},
  };
  for (const Case& one : cases) {
    TempDir dir;
    AdminServer server(dir.file("s"), {{"Status", refuses(one.status, one.members)}});
    const CliRun run = run_cli({"status", "--socket", server.path()});
    INFO(one.status << " " << one.members << " -> " << run.err);
    CHECK(run.code == one.exit);
    CHECK(run.out.empty());
    CHECK(run.err.rfind("tocsin: it cannot be", 0) == 0);
  }
}

TEST_CASE("an error is one line with its rule, then why, then the fix") {
  TempDir dir;
  AdminServer server(
      dir.file("s"),
      {{"Status", refuses(409, R"(,"rule":"due-process/R2","why":"rule R2","fix":"ask another")")}});
  const CliRun plain = run_cli({"status", "--socket", server.path()});
  CHECK(plain.err == "tocsin: it cannot be   [due-process/R2]\n  Why:  rule R2\n  Fix:  ask another\n");
  const CliRun json = run_cli({"status", "-o", "json", "--socket", server.path()});
  CHECK(json.code == 9);
  CHECK(json.out.empty());
  CHECK(contains(json.err, R"("detail":"it cannot be","status":409)"));
  CHECK(contains(json.err, R"("rule":"due-process/R2","why":"rule R2","fix":"ask another"})"));
}

TEST_CASE("a daemon that is not there is exit 6 and says how to start it") {
  TempDir dir;
  const CliRun run = run_cli({"status", "--data-dir", dir.path()});
  CHECK(run.code == 6);
  CHECK(contains(run.err, "tocsind is not running   [admin/unreachable]"));
  CHECK(contains(run.err, dir.path() + "/admin.sock"));
  CHECK(contains(run.err, "  Fix:  "));
}

TEST_CASE("what a stranger wrote cannot move the cursor") {
  TempDir dir;
  AdminServer server(dir.file("s"), {{"PeerList", [](const std::string&) {
                                        v1::PeerListReply reply;
                                        reply.add_peers()->set_name("evil\x1b[2J\xc2\x9b");
                                        return AdminServer::Answer{200, reply.SerializeAsString()};
                                      }}});
  const CliRun run = run_cli({"peer", "list", "--socket", server.path()});
  CHECK(run.code == 0);
  CHECK(run.out.find('\x1b') == std::string::npos);
  CHECK(contains(run.out, "evil\\x1b[2J\\xc2"));
}

TEST_CASE("lists come out as a table, as one JSON object or as an object a line") {
  TempDir dir;
  AdminServer server(dir.file("s"), {{"PeerList", [](const std::string&) {
                                        v1::PeerListReply reply;
                                        reply.add_peers()->set_name("beta.example");
                                        reply.add_peers()->set_name("gamma.example");
                                        return AdminServer::Answer{200, reply.SerializeAsString()};
                                      }}});
  const CliRun table = run_cli({"peer", "list", "--socket", server.path()});
  CHECK(table.out.rfind("PEER", 0) == 0);
  CHECK(contains(table.out, "\nbeta.example"));
  const CliRun json = run_cli({"-o", "json", "peer", "list", "--socket", server.path()});
  CHECK(json.out.rfind(R"({"api":"tocsin/v1","kind":"PeerList","items":[{"name":"beta.example",)", 0) == 0);
  CHECK(contains(json.out, R"("head_size":"0")"));
  const CliRun lines = run_cli({"peer", "list", "-o", "ndjson", "--socket", server.path()});
  CHECK(lines.out.rfind(R"({"name":"beta.example",)", 0) == 0);
  CHECK(std::count(lines.out.begin(), lines.out.end(), '\n') == 2);
}

TEST_CASE("the socket comes from the flag, then the environment, then the node's own settings") {
  TempDir dir;
  const auto status = [](const std::string& name) {
    return [name](const std::string&) {
      v1::StatusReply reply;
      reply.set_name(name);
      return AdminServer::Answer{200, reply.SerializeAsString()};
    };
  };
  AdminServer by_file(dir.file("file.sock"), {{"Status", status("by-file")}});
  AdminServer by_environment(dir.file("env.sock"), {{"Status", status("by-environment")}});
  AdminServer by_flag(dir.file("flag.sock"), {{"Status", status("by-flag")}});
  dir.write("tocsin.toml", "admin_socket = \"" + dir.file("file.sock") + "\"\n");
  tocsin::tests::CliTerminal terminal;
  terminal.environment["TOCSIN_DATA_DIR"] = dir.path();
  CHECK(contains(run_cli({"status"}, terminal).out, "by-file"));
  terminal.environment["TOCSIN_ADMIN_SOCKET"] = by_environment.path();
  CHECK(contains(run_cli({"status"}, terminal).out, "by-environment"));
  CHECK(contains(run_cli({"status", "--socket", by_flag.path()}, terminal).out, "by-flag"));
}

TEST_CASE("init makes a node once and never touches a directory with anything in it") {
  TempDir dir;
  const auto secret = [&dir](const std::string& name, const std::string& text) {
    const std::string path = dir.write(name, text);
    std::filesystem::permissions(path,
                                 std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
    return path;
  };
  const std::string passphrase = secret("pass", "correct horse\n");
  const std::string data = dir.file("node");
  const std::vector<std::string> init = {"init",       "--name",   "video.example",
                                         "--data-dir", data,       "--passphrase-file",
                                         passphrase,   "--listen", "127.0.0.1:7443"};
  const CliRun first = run_cli(init);
  INFO(first.err);
  REQUIRE(first.code == 0);
  CHECK(contains(first.out, "video.example made in " + data));
  CHECK(contains(first.out, "SHA256:"));
  const CliRun again = run_cli(init);
  CHECK(again.code == 5);
  CHECK(contains(again.err, "[directory/not-empty]"));
  const CliRun known =
      run_cli({"key", "fingerprint", "--data-dir", data, "--passphrase-file", passphrase, "-o", "json"});
  CHECK(known.code == 0);
  CHECK(contains(first.out, known.out.substr(known.out.find("SHA256:"), 50)));
  secret("wrong", "wrong horse\n");
  const CliRun wrong = run_cli({"key", "words", "--data-dir", data, "--passphrase-file", dir.file("wrong")});
  CHECK(wrong.code == 4);
  CHECK(contains(wrong.err, "[keyfile/passphrase]"));
}
