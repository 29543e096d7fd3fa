#include "node/config/config.h"

#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

using namespace tocsin;
using namespace tocsin::node;
using tocsin::tests::TempDir;

namespace {

std::string origin_of(const LoadedConfig& loaded, const std::string& key) {
  for (const Setting& setting : loaded.settings)
    if (setting.key == key) return setting.origin;
  return "missing";
}

Error failure(const ConfigSources& sources) {
  const auto loaded = load_config(sources);
  REQUIRE_FALSE(loaded);
  return loaded.error();
}

}  // namespace

TEST_CASE("without any source every setting is its default") {
  const LoadedConfig loaded = load_config({}).value();
  CHECK(loaded.config.match_radius == 31);
  CHECK(loaded.config.quality_gate == 50);
  CHECK(loaded.config.http_listen.empty());
  CHECK(loaded.config.admin_socket_path() == "/var/lib/tocsin/admin.sock");
  CHECK(loaded.settings.size() == known_settings().size());
  for (const Setting& setting : loaded.settings) CHECK(setting.origin == "default");
}

TEST_CASE(
    "a flag wins over the environment and the environment over the file, and each says where it came from") {
  TempDir dir;
  const std::string file = dir.write("t.toml",
                                     "name = \"video.example\"\nlisten = \"127.0.0.1:1\"\n"
                                     "match_radius = 20\nquality_gate = 60\n");
  const LoadedConfig loaded =
      load_config({file,
                   {{"TOCSIN_MATCH_RADIUS", "21"}, {"TOCSIN_QUALITY_GATE", "61"}, {"HOME", "/root"}},
                   {{"match-radius", "5"}, {"match-radius", "22"}}})
          .value();
  CHECK(loaded.config.name == "video.example");
  CHECK(loaded.config.listen == "127.0.0.1:1");
  CHECK(loaded.config.quality_gate == 61);
  CHECK(loaded.config.match_radius == 22);
  CHECK(loaded.config.ledger_origin() == "video.example/tocsin");
  CHECK(loaded.config.advertised_address() == "127.0.0.1:1");
  CHECK(origin_of(loaded, "listen") == file + ":2");
  CHECK(origin_of(loaded, "quality_gate") == "TOCSIN_QUALITY_GATE");
  CHECK(origin_of(loaded, "match_radius") == "--match-radius");
  CHECK(origin_of(loaded, "workers") == "default");
}

TEST_CASE("an unknown key is refused and the nearest known one is named") {
  TempDir dir;
  const Error error = failure({dir.write("t.toml", "\nmatch_raduis = 3\n"), {}, {}});
  CHECK(error.rule == "config/unknown");
  CHECK(error.message.find("t.toml:2") != std::string::npos);
  CHECK(error.fix == "did you mean match_radius?");
  CHECK(failure({"", {}, {{"data-dri", "/x"}}}).fix == "did you mean data_dir?");
  CHECK(failure({dir.write("s.toml", "[listen_on]\nport = 1\n"), {}, {}}).rule == "config/unknown");
}

TEST_CASE("a value out of its range or form is refused with the key and its origin") {
  const std::vector<std::pair<std::string, std::string>> bad = {
      {"match-radius", "65"},
      {"match-radius", "-1"},
      {"match-radius", "3x"},
      {"match-radius", ""},
      {"quality-gate", "101"},
      {"workers", "0"},
      {"listen", "host"},
      {"listen", "host:65536"},
      {"listen", ":1"},
      {"listen", ""},
      {"listen", "[::1:1"},
      {"http-listen", "a b:1"},
      {"name", "Video.example"},
      {"name", "a..b"},
      {"name", "-a.example"},
      {"data-dir", "relative"},
      {"log-level", "loud"},
      {"log-format", "xml"},
      {"log-origin", "a b"},
      {"log-origin", "a+b"},
      {"passphrase-file", "p\nq"},
      {"admin-socket", "/" + std::string(107, 's')}};
  for (const auto& flag : bad) {
    INFO(flag.first << " " << flag.second);
    const Error error = failure({"", {}, {flag}});
    CHECK(error.code == Code::kInvalidArgument);
    CHECK(error.rule == "config/value");
    CHECK(error.message.find("--" + flag.first) != std::string::npos);
  }
}

TEST_CASE("values of the wrong TOML type, broken TOML and unreadable files are told apart") {
  TempDir dir;
  CHECK(failure({dir.write("a", "match_radius = [1]\n"), {}, {}}).rule == "config/value");
  CHECK(failure({dir.write("b", "name = 2026-01-01\n"), {}, {}}).rule == "config/value");
  const Error syntax = failure({dir.write("c", "name = \"x\"\nlisten =\n"), {}, {}});
  CHECK(syntax.rule == "config/syntax");
  CHECK(syntax.message.find("/c:2: ") != std::string::npos);
  CHECK(failure({dir.file("none"), {}, {}}).code == Code::kNotFound);
  CHECK(failure({dir.path(), {}, {}}).code == Code::kNotFound);
  CHECK(failure({dir.write("d", std::string(2 << 20, '#')), {}, {}}).rule == "config/syntax");
}

TEST_CASE("host and port are parsed with brackets for IPv6") {
  CHECK(parse_host_port("[::1]:7443").value().host == "::1");
  CHECK(parse_host_port("video.example:7443").value().port == 7443);
  CHECK_FALSE(parse_host_port("::1:7443"));
  CHECK_FALSE(parse_host_port("video.example:"));
  CHECK_FALSE(parse_host_port("[]:1"));
  CHECK_FALSE(parse_host_port("[host]:1"));
}
