// A member that signs two histories is caught by those it showed them to, and anybody can check it.
#include <fstream>

#include "node/identity/keystore.h"
#include "protocol/log/checkpoint.h"
#include "protocol/log/witness.h"
#include "tests/e2e/attacker.h"

using namespace tocsin;
using namespace tocsin::e2e;

namespace {

Finished check_file(const std::vector<std::string>& words) {
  std::vector<std::string> command = {program("tocsin-verify"), "equivocation"};
  command.insert(command.end(), words.begin(), words.end());
  return tests::run_program(command);
}

std::string state_of(const Company& at, const Company& peer) {
  return at.peer(peer.name()).state();
}

}  // namespace

TEST_CASE("a second history shown to one member puts its signer into quarantine at every other",
          "[equivocation]") {
  const tests::TempDir dir;
  Company alpha(dir, "alpha");
  Company beta(dir, "beta");
  Company gamma(dir, "gamma");
  const std::string read_address = free_address();
  alpha.start({"--read-listen", read_address});
  beta.start();
  gamma.start();
  make_network(alpha, {&beta, &gamma});
  const std::vector<std::string> signals = reviewed(beta, dir, {"one"});
  publish(beta, signals[0]);
  alpha.until("it has beta's signal", [&] { return alpha.holds(signals[0]); });
  gamma.until("it has beta's signal", [&] { return gamma.holds(signals[0]); });

  // Whoever has beta's operational key signs another tree of a size that beta has passed, for alpha as a
  // witness.
  beta.stop();
  const node::Keys stolen = Attacker::keys_of(beta);
  beta.start();
  Hash root{};
  root[0] = 1;
  const std::string forged =
      protocol::sign_checkpoint(stolen.operational, {stolen.descriptor.message().log_origin(), {5, root}});
  v1::StatusReply before = alpha.status();
  const std::string request = protocol::format_add_checkpoint({5, {}, forged});
  auto client = tests::HttpClient::tcp(read_address);
  const tests::HttpReply refused =
      client.ask("POST /add-checkpoint HTTP/1.1\r\nHost: node\r\nConnection: close\r\nContent-Length: " +
                 std::to_string(request.size()) + "\r\n\r\n" + request);
  CHECK(refused.status == 409);

  alpha.until("beta is in quarantine", [&] { return state_of(alpha, beta) == "quarantined"; });
  gamma.until("alpha's evidence has reached it", [&] { return state_of(gamma, beta) == "quarantined"; });
  CHECK(alpha.tocsin({"peer", "list"}).out.find("quarantined") != std::string::npos);
  CHECK(alpha.tocsin({"status"}).out.find("1 peer in quarantine") != std::string::npos);
  const std::string token = json_field(alpha.ask({"token", "create", "monitor"}), "token");
  const std::string page = alpha.http("GET", "/metrics", {}, "Authorization: Bearer " + token + "\r\n").body;
  CHECK(page.find("tocsin_peers_quarantined 1\n") != std::string::npos);
  const auto view = alpha.ask({"signal", "show", signals[0]});
  CHECK(json_field(view, "state") == "QUARANTINED");

  // The file convinces a stranger, and nothing but the file is needed.
  const std::string list = gamma.ask({"ledger", "evidence", "list"});
  CHECK(json_field(list, "items.0.peer") == beta.name());
  const std::string file = dir.file("beta.equivocation");
  gamma.ask({"ledger", "evidence", "export", beta.name(), file});
  const Finished proven = check_file({file, "--node", beta.fingerprint()});
  CHECK(proven.code == 8);
  CHECK(proven.out.find("proven: beta.example signed two histories") != std::string::npos);
  CHECK(check_file({file, "--node", alpha.fingerprint()}).code == 7);
  CHECK(gamma.tocsin({"ledger", "evidence", "export", beta.name()}).out.find("tocsin-equivocation/1") == 0);
  CHECK(gamma.tocsin({"ledger", "evidence", "export", "nobody"}).code == 3);
  // Those who tell of it have nothing to hide.
  CHECK(verify(alpha, dir).code == 0);
  CHECK(verify(gamma, dir).code == 0);

  // It stays so across a restart, and until an operator says otherwise in so many words.
  gamma.kill();
  gamma.start();
  CHECK(state_of(gamma, beta) == "quarantined");
  const Finished plain = gamma.tocsin({"peer", "resume", beta.name(), "--reason", "it will be fine"});
  CHECK(plain.code != 0);
  CHECK(plain.err.find("[peer/quarantined]") != std::string::npos);
  gamma.ask({"peer", "resume", beta.name(), "--reason", "its key was stolen, and is another now",
             "--despite-evidence"});
  CHECK(state_of(gamma, beta) == "active");
  CHECK(json_field(gamma.ask({"ledger", "evidence", "list"}), "items.0.quarantined") != "true");
}
