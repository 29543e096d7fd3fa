// Members cosign one another's ledgers, and with a policy nothing is published before a quorum has.
#include "tests/e2e/company.h"

using namespace tocsin;
using namespace tocsin::e2e;

namespace {

v1::Witnessing witnessing(const Company& company) {
  const auto reply = company.call<v1::Witnessing>("WitnessList", v1::WitnessListRequest());
  REQUIRE(reply);
  return *reply;
}

std::string problem_of(const Company& company, const std::string& witness) {
  const v1::Witnessing now = witnessing(company);
  for (const v1::WitnessInfo& info : now.witnesses())
    if (info.name() == witness) return info.last_error();
  return "it is not asked";
}

// All that the ledger holds is published, with that many cosignatures.
bool all_published(const Company& company, unsigned cosignatures) {
  const v1::StatusReply status = company.status();
  return status.witnessing().published() == status.ledger_size() &&
         status.witnessing().size() == status.ledger_size() &&
         status.witnessing().cosignatures() == cosignatures && status.witnessing().missing().empty();
}

}  // namespace

TEST_CASE("records reach members only once the policy's witnesses have cosigned them", "[witness]") {
  const tests::TempDir dir;
  Company alpha(dir, "alpha");
  Company beta(dir, "beta");
  Company gamma(dir, "gamma");
  for (Company* company : {&alpha, &beta, &gamma}) company->start();
  make_network(alpha, {&beta, &gamma});

  // Without a policy the cosignatures come as an extra.
  alpha.until("both members cosigned its ledger", [&] { return all_published(alpha, 2); });
  const std::string text = alpha.tocsin({"status"}).out;
  CHECK(text.find("2 cosignatures") != std::string::npos);

  alpha.ask({"ledger", "witness", "add", beta.name()});
  alpha.ask({"ledger", "witness", "add", gamma.name()});
  CHECK(witnessing(alpha).policy_text().find("group witnesses 2 beta.example gamma.example") !=
        std::string::npos);
  alpha.until("its quorum cosigned the policy itself", [&] { return all_published(alpha, 2); });
  const std::vector<std::string> signals = reviewed(alpha, dir, {"first", "second"});
  publish(alpha, signals[0]);
  for (Company* company : {&beta, &gamma})
    company->until("the first signal has come", [&] { return company->holds(signals[0]); });

  // One of two is no quorum: what is written stays at home, and the operator sees why.
  gamma.kill();
  publish(alpha, signals[1]);
  alpha.until("it waits for gamma", [&] {
    const v1::Witnessing now = witnessing(alpha);
    return !now.missing().empty() && !problem_of(alpha, gamma.name()).empty() &&
           problem_of(alpha, beta.name()).empty();
  });
  CHECK_FALSE(beta.holds(signals[1]));
  CHECK(alpha.tocsin({"ledger", "status"}).out.find("waiting for witnesses") != std::string::npos);
  const std::uint64_t published = witnessing(alpha).published();

  // What was published stays so when the issuer is killed; what waits goes on waiting.
  alpha.kill();
  alpha.start();
  CHECK(witnessing(alpha).published() == published);
  CHECK_FALSE(beta.holds(signals[1]));

  gamma.start();
  for (Company* company : {&beta, &gamma})
    company->until("the second signal has come", [&] { return company->holds(signals[1]); });
  CHECK(witnessing(alpha).alarm().empty());

  // The note that is published satisfies the policy that is published, for anybody.
  alpha.until("all is published", [&] { return all_published(alpha, 2); });
  const std::string note = json_field(alpha.ask({"ledger", "checkpoint"}), "checkpoint");
  CHECK(note.find("— beta.example/witness ") != std::string::npos);
  CHECK(note.find("— gamma.example/witness ") != std::string::npos);
  const Finished audit = verify(alpha, dir);
  CHECK(audit.code == 0);
}

TEST_CASE(
    "a policy whose quorum is lost is replaced by the root key's word, recorded, and members are shown why",
    "[witness]") {
  const tests::TempDir dir;
  Company alpha(dir, "alpha");
  Company beta(dir, "beta");
  Company gamma(dir, "gamma");
  for (Company* company : {&alpha, &beta, &gamma}) company->start();
  make_network(alpha, {&beta, &gamma});
  alpha.ask({"ledger", "witness", "add", beta.name()});
  alpha.ask({"ledger", "witness", "add", gamma.name()});
  alpha.until("the policy is cosigned", [&] { return all_published(alpha, 2); });
  const std::vector<std::string> signals = reviewed(alpha, dir, {"third"});
  alpha.until("that is cosigned", [&] { return all_published(alpha, 2); });

  // Gamma is gone for good. A regular change waits for the old quorum for ever.
  gamma.kill();
  const std::uint64_t published = witnessing(alpha).published();
  alpha.ask({"ledger", "witness", "remove", gamma.name()});
  publish(alpha, signals[0]);
  alpha.until("it waits", [&] { return !witnessing(alpha).missing().empty(); });
  CHECK(witnessing(alpha).published() == published);
  CHECK_FALSE(beta.holds(signals[0]));

  const std::string policy = "log " + witnessing(alpha).log_vkey() + "\nwitness beta.example " +
                             witnessing(beta).vkey() + "\ngroup all 1 beta.example\nquorum all\n";
  const std::string file = dir.write("new.policy", policy);
  CHECK(alpha.tocsin({"ledger", "witness", "set", file, "--override", ""}).code == 2);
  alpha.ask({"ledger", "witness", "set", file, "--override", "gamma closed down"});
  beta.until("the signal has come under the new policy", [&] { return beta.holds(signals[0]); });
  alpha.until("all is published", [&] { return all_published(alpha, 1); });
  CHECK(witnessing(alpha).overridden() == "gamma closed down");
  CHECK(beta.peer(alpha.name()).notice().find("gamma closed down") != std::string::npos);
  CHECK(beta.tocsin({"peer", "show", alpha.name()}).out.find("NOTICE") != std::string::npos);
  CHECK(beta.peer(alpha.name()).evidence_size() == 0);
  CHECK(verify(alpha, dir).code == 0);

  // Who comes back later follows it too, and is told.
  gamma.start();
  gamma.until("it has followed",
              [&] { return gamma.holds(signals[0]) && !gamma.peer(alpha.name()).notice().empty(); });
}
