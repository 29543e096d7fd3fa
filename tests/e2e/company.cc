#include "tests/e2e/company.h"

#include <csignal>
#include <filesystem>

#include <arpa/inet.h>
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>
#include <sys/stat.h>

#include "crypto/base/encoding.h"
#include "crypto/hash.h"
#include "crypto/random.h"
#include "protocol/identity/ids.h"

namespace tocsin::e2e {
namespace {

in_addr_t own_address() {
  const auto pid = static_cast<std::uint32_t>(::getpid());
  return htonl(0x7F400000U | (pid & 0x3FFFFFU));
}

std::string text_of(const google::protobuf::Value& value) {
  if (value.kind_case() == google::protobuf::Value::kListValue) {
    std::string out;
    for (const auto& item : value.list_value().values()) out += (out.empty() ? "" : " ") + text_of(item);
    return out;
  }
  if (value.kind_case() == google::protobuf::Value::kNumberValue)
    return std::to_string(static_cast<long long>(value.number_value()));
  if (value.kind_case() == google::protobuf::Value::kBoolValue) return value.bool_value() ? "true" : "false";
  return value.string_value();
}

constexpr std::size_t kSubmitMax = 1000;
const std::string kPassphrase = "correct horse battery staple\n";

}  // namespace

std::string program(const std::string& name) {
  if (name == "tocsin-verify") return TOCSIN_VERIFY_PROGRAM;
  return std::string(TOCSIN_PROGRAMS) + "/" + name;
}

std::string free_address() {
  const int probe = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = own_address();
  socklen_t size = sizeof address;
  const bool bound = ::bind(probe, reinterpret_cast<const sockaddr*>(&address), size) == 0 &&
                     ::getsockname(probe, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  ::close(probe);
  if (!bound) throw std::runtime_error("no loopback address can be had");
  char text[INET_ADDRSTRLEN] = {};
  ::inet_ntop(AF_INET, &address.sin_addr, text, sizeof text);
  return std::string(text) + ":" + std::to_string(ntohs(address.sin_port));
}

std::string json_field(const std::string& json, const std::string& path) {
  google::protobuf::Value value;
  if (!google::protobuf::util::JsonStringToMessage(json, &value).ok()) return {};
  for (std::size_t at = 0; at <= path.size();) {
    const std::size_t dot = std::min(path.find('.', at), path.size());
    const std::string step = path.substr(at, dot - at);
    at = dot + 1;
    google::protobuf::Value next;
    if (value.kind_case() == google::protobuf::Value::kListValue) {
      const int index = std::atoi(step.c_str());
      if (index >= value.list_value().values_size()) return {};
      next = value.list_value().values(index);
    } else {
      const auto found = value.struct_value().fields().find(step);
      if (found == value.struct_value().fields().end()) return {};
      next = found->second;
    }
    value = std::move(next);
  }
  return text_of(value);
}

std::string sha256_of(const std::string& seed) {
  return hex_encode(crypto::sha256(as_view(seed)));
}

v1::SubmitRequest submission(const std::vector<std::string>& seeds) {
  v1::SubmitRequest request;
  for (const std::string& seed : seeds) {
    v1::NewSignal& signal = *request.add_signals();
    signal.set_type("sha256");
    signal.set_value(sha256_of(seed));
    signal.add_labels("tvec:propaganda");
  }
  return request;
}

Company::Company(const tests::TempDir& dir, const std::string& name)
    : name_(name), folder_(dir.file(name)), address_(free_address()), http_address_(free_address()) {
  const std::string credentials = dir.file(name + ".credentials");
  std::filesystem::create_directory(credentials);
  const auto key = crypto::random_secret<32>();
  dir.write(name + ".credentials/tocsin-kek", to_string(key.expose()));
  ::chmod((credentials + "/tocsin-kek").c_str(), 0600);
  environment_ = {{"CREDENTIALS_DIRECTORY", credentials}, {"TOCSIN_DATA_DIR", folder_}};
  made_ = ask({"init", "--name", this->name(), "--listen", address_, "--http-listen", http_address_});
}

Company::~Company() = default;

void Company::start(const std::vector<std::string>& settings, const std::string& until) {
  std::vector<std::string> command = {program("tocsind"), "serve", "--config", folder_ + "/tocsin.toml"};
  command.insert(command.end(), settings.begin(), settings.end());
  daemon_ = std::make_unique<tests::Process>(command, environment_);
  if (!daemon_->await(until, kPatience)) FAIL(name() + " does not serve: " << daemon_->err());
}

void Company::kill() {
  daemon_->signal(SIGKILL);
  REQUIRE(daemon_->wait(kPatience) == 128 + SIGKILL);
}

std::optional<int> Company::stop(std::chrono::milliseconds patience) {
  daemon_->signal(SIGTERM);
  return daemon_->wait(patience);
}

Finished Company::tocsin(std::vector<std::string> words) const {
  words.insert(words.begin(), program("tocsin"));
  words.push_back("--no-input");
  return tests::run_program(words, environment_);
}

std::string Company::ask(std::vector<std::string> words) const {
  words.insert(words.end(), {"-o", "json"});
  const std::string what = words[0] + (words.size() > 1 ? " " + words[1] : "");
  const Finished finished = tocsin(std::move(words));
  if (finished.code != 0)
    FAIL(name() << ": tocsin " << what << " ended with " << finished.code << ": " << finished.err);
  return finished.out;
}

v1::StatusReply Company::status() const {
  auto reply = call<v1::StatusReply>("Status", v1::StatusRequest());
  return reply ? std::move(*reply) : v1::StatusReply();
}

v1::PeerInfo Company::peer(const std::string& name) const {
  v1::PeerRequest request;
  request.set_peer(name);
  auto reply = call<v1::PeerInfo>("PeerShow", request);
  return reply ? std::move(*reply) : v1::PeerInfo();
}

bool Company::holds(const std::string& signal) const {
  v1::SignalRequest request;
  request.set_id(signal);
  return call<v1::SignalView>("SignalShow", request).has_value();
}

tests::HttpReply Company::http(const std::string& method, const std::string& path, const std::string& body,
                               const std::string& headers) const {
  auto client = tests::HttpClient::tcp(http_address_);
  std::string request = method + " " + path + " HTTP/1.1\r\nHost: node\r\nConnection: close\r\n" + headers;
  if (!body.empty()) request += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  return client.ask(request + "\r\n" + body);
}

void Company::until(const std::string& what, const std::function<bool()>& done) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (!done()) {
    if (std::chrono::steady_clock::now() > deadline)
      FAIL("waited in vain until " << what << "\n" << name() << " printed:\n" << daemon_->err());
    daemon_->await_change();
  }
}

void make_network(Company& founder, std::initializer_list<Company*> others) {
  const tests::TempDir dir;
  const std::string charter = dir.write("charter", "Only what a person has reviewed is shared.\n");
  founder.ask({"network", "create", "tvec-e2e", "--charter", charter});
  for (Company* other : others) {
    const std::string token =
        json_field(founder.ask({"network", "invite", "--peer-name", other->name()}), "token");
    const std::string joined = other->ask({"network", "join", token, "--fingerprint", founder.fingerprint()});
    REQUIRE(json_field(joined, "state") == "waiting");
    founder.ask({"network", "accept", other->name(), "--fingerprint", other->fingerprint()});
  }
  std::vector<Company*> all = others;
  all.push_back(&founder);
  for (Company* one : all)
    one->until("it is in sync with all", [&] { return one->status().peers_in_sync() == others.size(); });
}

std::vector<std::string> reviewed(const Company& company, const tests::TempDir& dir,
                                  const std::vector<std::string>& seeds) {
  const std::string key = dir.file(company.name() + ".reviewer.key");
  const std::string passphrase = dir.write("passphrase", kPassphrase);
  ::chmod(passphrase.c_str(), 0600);
  company.ask(
      {"user", "add", "reviewer", "--role", "reviewer", "--key-file", key, "--passphrase-file", passphrase});
  std::vector<std::string> ids;
  for (std::size_t at = 0; at < seeds.size(); at += kSubmitMax) {
    const auto from = seeds.begin() + static_cast<std::ptrdiff_t>(at);
    const auto count = static_cast<std::ptrdiff_t>(std::min(kSubmitMax, seeds.size() - at));
    const auto submitted = company.call<v1::SubmitReply>("Submit", submission({from, from + count}));
    REQUIRE(submitted);
    for (const auto& item : submitted->items())
      ids.push_back(protocol::print_signal_id(*fixed<32>(as_view(item.signal()), "signal")));
  }
  std::vector<std::string> words = {"review", "decide"};
  words.insert(words.end(), ids.begin(), ids.end());
  words.insert(words.end(),
               {"--approve", "--key-file", key, "--passphrase-file", passphrase, "--clause", "tvec:3.2",
                "--ground", "law", "--ground-ref", "EU-2021/784", "--data-basis", "GDPR 6(1)(f)",
                "--proportionality", "a hash only", "--language", "en", "--context-checked"});
  company.ask(words);
  return ids;
}

void publish(const Company& company, const std::string& signal) {
  company.ask({"signal", "publish", signal, "--purpose", "prevent re-upload"});
}

Finished verify(const Company& company, const tests::TempDir& dir) {
  const std::string bundle = dir.file(company.name() + ".bundle");
  const std::string vkey = json_field(company.ask({"ledger", "export", bundle}), "vkey");
  return tests::run_program({program("tocsin-verify"), bundle, "--vkey", vkey});
}

}  // namespace tocsin::e2e
