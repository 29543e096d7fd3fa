#include "node/cli/import.h"

#include <set>

#include "node/cli/rows.h"
#include "tests/node/cli/cli_run.h"
#include "tests/support/admin_server.h"
#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

using tocsin::tests::AdminServer;
using tocsin::tests::CliRun;
using tocsin::tests::CliTerminal;
using tocsin::tests::contains;
using tocsin::tests::run_cli;
using tocsin::tests::TempDir;
namespace v1 = tocsin::v1;

namespace {

// Takes what begins with "new", knows what begins with "old", rejects the rest.
struct FakeNode {
  std::vector<v1::SubmitRequest> requests;
  AdminServer::Handler submit() {
    return [this](const std::string& body) {
      v1::SubmitRequest request;
      if (!request.ParseFromString(body)) return AdminServer::problem(400, "not a message");
      requests.push_back(request);
      v1::SubmitReply reply;
      for (const v1::NewSignal& signal : request.signals()) {
        v1::SubmitItem& item = *reply.add_items();
        item.set_line(signal.line());
        const std::string start = signal.value().substr(0, 3);
        item.set_outcome(start == "new"   ? v1::SubmitItem::NEW
                         : start == "old" ? v1::SubmitItem::KNOWN
                                          : v1::SubmitItem::REJECTED);
        if (item.outcome() == v1::SubmitItem::REJECTED) {
          item.set_error("not a digest");
          item.set_rule("signal/format");
        }
      }
      return AdminServer::Answer{200, reply.SerializeAsString()};
    };
  }
};

std::vector<tocsin::cli::Row> read_all(const std::string& text, tocsin::cli::RowFormat format) {
  std::istringstream in(text);
  tocsin::cli::RowReader reader(in, format);
  std::vector<tocsin::cli::Row> rows;
  tocsin::cli::Row row;
  for (auto more = reader.next(row); more && *more; more = reader.next(row)) rows.push_back(row);
  return rows;
}

}  // namespace

TEST_CASE("an import sends what is good, and its rejects go to a file with their line numbers") {
  TempDir dir;
  FakeNode node;
  AdminServer server(dir.file("s"), {{"Submit", node.submit()}});
  const std::string list = dir.write("list.csv",
                                     "type,value,labels\n"
                                     "sha256,new-1,tvec:a;tvec:b\n"
                                     "sha256,old-1,\n"
                                     "sha256,bad-1,x\n"
                                     "sha256,too,many,fields\n"
                                     "\n"
                                     "sha256,\"new-2\",\"x\"\n");
  const CliRun run =
      run_cli({"signal", "import", list, "--label", "tvec:default", "--socket", server.path()});
  INFO(run.err);
  CHECK(run.code == 7);
  CHECK(run.out == "2 new · 1 already known · 2 rejected   rejects → " + list + ".rejects.ndjson\n");
  const std::string rejects = dir.read("list.csv.rejects.ndjson");
  CHECK(contains(rejects,
                 R"({"line":4,"error":"not a digest","rule":"signal/format","input":"sha256,bad-1,x"})"));
  CHECK(contains(rejects,
                 R"({"line":5,"error":"this row has 4 fields, the header has 3","rule":"import/row")"));
  REQUIRE(node.requests.size() == 1);
  const v1::SubmitRequest& request = node.requests[0];
  CHECK(request.idempotency_key().size() == 16);
  REQUIRE(request.signals_size() == 4);
  CHECK(request.signals(0).labels_size() == 2);
  CHECK(request.signals(1).labels(0) == "tvec:default");
  CHECK(request.signals(3).line() == 7);
}

TEST_CASE("an import goes in batches of 500, each with its own key, and the same list has the same keys") {
  TempDir dir;
  FakeNode node;
  AdminServer server(dir.file("s"), {{"Submit", node.submit()}});
  CliTerminal terminal;
  for (int i = 0; i < 1201; ++i)
    terminal.input += R"({"type":"sha256","value":"new)" + std::to_string(i) + "\"}\n";
  const std::vector<std::string> words = {"signal", "import", "-", "-o", "json", "--socket", server.path()};
  const CliRun run = run_cli(words, terminal);
  CHECK(run.code == 0);
  CHECK(contains(run.out, R"("kind":"Import","new":1201,"known":0,"rejected":0,"last_line":1201)"));
  REQUIRE(node.requests.size() == 3);
  CHECK(node.requests[2].signals_size() == 201);
  run_cli(words, terminal);
  std::set<std::string> keys;
  for (const auto& request : node.requests) keys.insert(request.idempotency_key());
  CHECK(keys.size() == 3);
}

TEST_CASE("a dry run says what would happen and asks the node to change nothing") {
  TempDir dir;
  FakeNode node;
  AdminServer server(dir.file("s"), {{"Submit", node.submit()}});
  const std::string list = dir.write(
      "list.ndjson", "{\"type\":\"md5\",\"value\":\"new\"}\n{\"type\":\"md5\",\"value\":\"old\"}\n");
  const CliRun run = run_cli({"signal", "import", list, "--dry-run", "--socket", server.path()});
  CHECK(run.code == 0);
  CHECK(run.out == "would take 1 new · 1 already known · 0 rejected\n");
  REQUIRE(node.requests.size() == 1);
  CHECK(node.requests[0].dry_run());
}

TEST_CASE("a node that goes away in the middle is exit 6 and says how far it came") {
  TempDir dir;
  FakeNode node;
  int calls = 0;
  const auto handler = node.submit();
  AdminServer server(dir.file("s"), {{"Submit", [&](const std::string& body) {
                                        return ++calls > 1 ? AdminServer::problem(503, "shutting down")
                                                           : handler(body);
                                      }}});
  std::string rows = "type,value\n";
  for (int i = 0; i < 700; ++i) rows += "md5,new" + std::to_string(i) + "\n";
  const CliRun run = run_cli({"signal", "import", dir.write("l.csv", rows), "--socket", server.path()});
  CHECK(run.code == 6);
  CHECK(contains(run.err, "lines up to 501 are done"));
  CHECK(contains(run.err, "run the same command again"));
}

TEST_CASE("rows that cannot be read are told apart and the reading goes on") {
  const std::string text =
      "{\"type\":\"md5\",\"value\":\"a\",\"quality\":12,\"labels\":[\"x\",\"y\"]}\r\n"
      "not json\n"
      "{\"type\":\"md5\",\"colour\":\"red\"}\n" +
      std::string(70'000, 'x') + "\n" +
      "{\"value\":\"\xff\"}\n"
      "{\"type\":\"md5\",\"quality\":101}\n"
      "{\"value\":\"last\",\"valid_until\":\"2027-01-01\"}";
  const auto rows = read_all(text, tocsin::cli::RowFormat::kDetect);
  REQUIRE(rows.size() == 7);
  CHECK_FALSE(rows[0].error);
  CHECK(rows[0].signal.quality() == 12);
  CHECK(rows[0].signal.labels_size() == 2);
  CHECK(rows[1].error->message == "this line is no JSON object");
  CHECK(rows[2].error->message == "there is no field \"colour\"");
  CHECK(rows[3].error->rule == "import/line");
  CHECK(rows[4].error->message == "the line is not UTF-8");
  CHECK(contains(rows[5].error->message, "from 0 to 100"));
  CHECK_FALSE(rows[6].error);
  CHECK(rows[6].signal.valid_until_ms() == 1'798'761'600'000);
  CHECK(rows[6].line == 7);
}

TEST_CASE("CSV fields may be quoted, and a header must name known fields once") {
  const auto cells = tocsin::cli::split_csv("a,\"b,\"\"c\"\"\",,d,");
  REQUIRE(cells);
  CHECK(*cells == std::vector<std::string>{"a", "b,\"c\"", "", "d", ""});
  CHECK_FALSE(tocsin::cli::split_csv("\"open"));
  CHECK_FALSE(tocsin::cli::split_csv("\"a\"b"));
  TempDir dir;
  const CliRun run =
      run_cli({"signal", "import", dir.write("l.csv", "kind,value\nx,y\n"), "--socket", dir.file("s")});
  CHECK(run.code == 2);
  CHECK(contains(run.err, "[import/header]"));
}
