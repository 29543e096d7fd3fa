#include "node/cli/parser.h"

#include <set>

#include "tests/node/cli/cli_run.h"
#include "tests/support/catch.h"

using tocsin::tests::CliRun;
using tocsin::tests::contains;
using tocsin::tests::run_cli;

TEST_CASE("what is mistyped is usage, exit 2, and is answered with what was meant") {
  struct Case {
    std::vector<std::string> words;
    std::string says;
  };
  const std::vector<Case> cases = {
      {{"statsu"}, "did you mean  tocsin status ?"},
      {{"peer", "lst"}, "did you mean  tocsin peer list ?"},
      {{"frobnicate"}, "unknown command \"frobnicate\""},
      {{"peer"}, "needs a command after it"},
      {{"peer", "show"}, "peer show needs PEER"},
      {{"peer", "suspend", "beta.example"}, "peer suspend needs --reason TEXT"},
      {{"peer", "suspend", "beta.example", "--raeson", "x"}, "did you mean --reason?"},
      {{"peer", "suspend", "b", "--reason", "x", "--reason", "y"}, "--reason was given more than once"},
      {{"status", "now"}, "unexpected argument \"now\""},
      {{"status", "-o", "xml"}, "no output format \"xml\""},
      {{"signal", "list", "--limit", "many"}, "--limit takes a whole number"},
      {{"signal", "opine", "sig_aaaa", "--reason", "other", "--key-file", "k", "--passphrase-file", "p"},
       "say one of --agree"},
      {{"key", "rotate", "root"}, "no key that can be rotated"},
      {{""}, "empty word"},
  };
  for (const Case& one : cases) {
    const CliRun run = run_cli(one.words);
    INFO(run.err);
    CHECK(run.code == 2);
    CHECK(run.out.empty());
    CHECK(contains(run.err, one.says));
    CHECK(contains(run.err, "[usage]"));
  }
}

TEST_CASE("every command explains itself with its options and an example") {
  std::set<std::string_view> paths;
  for (const tocsin::cli::Command& command : tocsin::cli::command_table()) {
    INFO(command.path);
    CHECK(paths.insert(command.path).second);
    CHECK_FALSE(command.examples.empty());
    std::vector<std::string> words;
    std::istringstream split{std::string(command.path)};
    for (std::string word; split >> word;) words.push_back(word);
    words.push_back("--help");
    const CliRun run = run_cli(words);
    CHECK(run.code == 0);
    CHECK(contains(run.out, "Usage\n  tocsin " + std::string(command.path)));
    CHECK(contains(run.out, "Examples\n"));
    for (const std::string_view example : command.examples) CHECK(contains(run.out, std::string(example)));
    for (const auto& option : command.options) CHECK(contains(run.out, std::string(option.name)));
  }
}

TEST_CASE("help without a command lists them all, of a group only that group") {
  const CliRun all = run_cli({});
  CHECK(all.code == 0);
  for (const tocsin::cli::Command& command : tocsin::cli::command_table()) {
    CHECK(contains(all.out, std::string(command.path)));
  }
  const CliRun group = run_cli({"peer", "-h"});
  CHECK(contains(group.out, "peer suspend"));
  CHECK_FALSE(contains(group.out, "signal submit"));
}

TEST_CASE("words of an option are its own, and commands are no values") {
  const auto parsed = tocsin::cli::parse_command_line(
      {"signal", "submit", "url", "status", "--label", "a", "--label=b", "-o", "json", "--only", "pdq"});
  REQUIRE(parsed);
  CHECK(parsed->path == "signal submit");
  CHECK(parsed->arguments.text("VALUE") == "status");
  CHECK(parsed->arguments.all("--label") == std::vector<std::string>{"a", "b"});
  CHECK(parsed->arguments.text("--output") == "json");
  const auto several =
      tocsin::cli::parse_command_line({"signal", "publish", "sig_a", "sig_b", "--tlp", "red"});
  REQUIRE(several);
  CHECK(several->arguments.all("SIGNAL").size() == 2);
}
