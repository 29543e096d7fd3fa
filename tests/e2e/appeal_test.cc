// One appeal for the whole network, through the real programs: a person complains at one company, and what
// two companies did because of a third one's signal is put right by all, with the page to show for it.
#include "tests/e2e/company.h"

using namespace tocsin;
using namespace tocsin::e2e;

namespace {

std::string person(const Company& company, const tests::TempDir& dir, const std::string& name,
                   const std::string& role) {
  const std::string key = dir.file(company.name() + "." + name + ".key");
  company.ask({"user", "add", name, "--role", role, "--key-file", key, "--passphrase-file",
               dir.write("pass-" + name, "a passphrase\n")});
  return key;
}

void confirm(const Company& company, const tests::TempDir& dir, const std::string& signal) {
  const std::string key = person(company, dir, "rio", "reviewer");
  company.ask({"review",
               "decide",
               signal,
               "--approve",
               "--key-file",
               key,
               "--passphrase-file",
               dir.file("pass-rio"),
               "--clause",
               "own:1",
               "--ground",
               "terms",
               "--ground-ref",
               "terms 4.2",
               "--data-basis",
               "GDPR 6(1)(f)",
               "--proportionality",
               "one item",
               "--language",
               "en",
               "--context-checked"});
}

std::string act(const Company& company, const std::string& signal) {
  return json_field(
      company.ask({"action", "record", signal, "--decision", "DECISION_VISIBILITY_CONTENT_REMOVED",
                   "--category", "STATEMENT_CATEGORY_RISK_FOR_PUBLIC_SECURITY", "--content-type",
                   "CONTENT_TYPE_IMAGE", "--territory", "DE", "--ground-ref", "terms 4.2", "--notice",
                   "in-product"}),
      "action");
}

std::string state_of(const Company& company, const std::string& signal) {
  return json_field(company.ask({"signal", "show", signal}), "state");
}

}  // namespace

TEST_CASE("a person's appeal at one company puts right what every company did on the signal", "[appeal]") {
  const tests::TempDir dir;
  Company alpha(dir, "alpha"), beta(dir, "beta"), gamma(dir, "gamma");
  for (Company* company : {&alpha, &beta, &gamma}) company->start();
  make_network(alpha, {&beta, &gamma});
  const std::string signal = reviewed(alpha, dir, {"one"}).front();
  publish(alpha, signal);
  for (Company* company : {&beta, &gamma})
    company->until("the signal", [&] { return company->holds(signal); });

  const Finished early =
      beta.tocsin({"action", "record", signal, "--decision", "DECISION_VISIBILITY_CONTENT_REMOVED",
                   "--category", "STATEMENT_CATEGORY_VIOLENCE", "--content-type", "CONTENT_TYPE_IMAGE",
                   "--territory", "DE", "--ground-ref", "terms 4.2"});
  CHECK(early.code != 0);
  CHECK(early.err.find("R7") != std::string::npos);
  confirm(beta, dir, signal);
  confirm(gamma, dir, signal);
  const std::string action = act(beta, signal);
  act(gamma, signal);

  const std::string appeal = json_field(
      beta.ask({"appeal", "file", action, "--text-file", dir.write("complaint", "It is my own garden.\n")}),
      "id");
  alpha.until("the appeal", [&] {
    return json_field(alpha.ask({"appeal", "list"}), "items.0.id") == appeal;
  });
  gamma.until("the hold", [&] { return state_of(gamma, signal) == "DISPUTED"; });

  const std::string officer = person(alpha, dir, "olga", "appeals-officer");
  const std::string reasons = dir.write("reasons", "It is a garden.\n");
  const auto decided =
      alpha.ask({"appeal", "decide", appeal, "--overturn", "--key-file", officer, "--passphrase-file",
                 dir.file("pass-olga"), "--reasons-file", reasons, "--language", "en"});
  CHECK(json_field(decided, "retraction") == "APPEAL_UPHELD");
  for (Company* company : {&alpha, &beta, &gamma})
    company->until("everybody's remedy", [&] {
      v1::AppealRequest request;
      request.set_id(appeal);
      const auto view = company->call<v1::AppealView>("AppealShow", request);
      return view && view->parties_size() == 3 &&
             std::all_of(view->parties().begin(), view->parties().end(), [](const v1::AppealParty& party) {
               return party.waiting().empty() && (party.actions() == 0 || party.put_right_ms() != 0);
             });
    });
  const Finished page = beta.tocsin({"appeal", "show", appeal});
  INFO(page.out);
  CHECK(page.code == 0);
  CHECK(page.out.find("gamma.example") != std::string::npos);
  CHECK(page.out.find("garden") == std::string::npos);
  for (Company* company : {&alpha, &beta, &gamma}) {
    const Finished judged = verify(*company, dir);
    INFO(judged.out << judged.err);
    CHECK(judged.code == 0);
  }
}
