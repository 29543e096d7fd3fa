// A company that lost its newest records gets them back from the others before it signs again, and never
// signs two histories.
#include <filesystem>

#include <sys/stat.h>

#include "tests/e2e/company.h"

using namespace tocsin;
using namespace tocsin::e2e;

namespace {

namespace fs = std::filesystem;

// What `tocsin backup` makes and puts back: everything but what is the new machine's own.
class Backup {
 public:
  Backup(const Company& company, const tests::TempDir& dir)
      : company_(company), file_(dir.file("node.backup")) {
    const std::string passphrase = dir.write("backup.pass", "a long line for the backup's key\n");
    ::chmod(passphrase.c_str(), 0600);
    key_ = {"--key", dir.file("backup.key"), "--passphrase-file", passphrase};
    const std::string recipient = json_field(
        company.ask({"backup", "key", dir.file("backup.key"), "--passphrase-file", passphrase}), "recipient");
    company.ask({"backup", "create", file_, "--recipient", recipient});
  }
  // In place of what stands there now.
  void restore(const tests::TempDir& dir) const {
    const std::string fresh = dir.file("restored");
    std::vector<std::string> words = {"backup", "restore", file_, "--into", fresh};
    words.insert(words.end(), key_.begin(), key_.end());
    company_.ask(words);
    fs::remove_all(company_.folder());
    fs::rename(fresh, company_.folder());
  }

 private:
  const Company& company_;
  const std::string file_;
  std::vector<std::string> key_;
};

std::string state_of(const Company& company) {
  return company.status().state();
}

std::uint64_t held_by(const Company& holder, const Company& of) {
  return holder.peer(of.name()).entries();
}

}  // namespace

TEST_CASE("a company restored from an older backup repairs itself from its peers and goes on", "[recovery]") {
  const tests::TempDir dir;
  Company alpha(dir, "alpha");
  Company beta(dir, "beta");
  Company gamma(dir, "gamma");
  for (Company* company : {&alpha, &beta, &gamma}) company->start();
  make_network(alpha, {&beta, &gamma});
  const Backup backup(alpha, dir);

  // Life goes on: what happens now is in no backup.
  const std::vector<std::string> signals = reviewed(alpha, dir, {"first", "second"});
  publish(alpha, signals[0]);
  alpha.ask({"signal", "retract", signals[0], "--reason", "FALSE_POSITIVE", "--cause", "news footage"});
  publish(alpha, signals[1]);
  const std::uint64_t size = alpha.status().ledger_size();
  for (Company* company : {&beta, &gamma})
    company->until("it holds all of alpha", [&] { return held_by(*company, alpha) == size; });
  alpha.kill();
  gamma.kill();
  backup.restore(dir);

  // Gamma may have seen more than beta: alpha says that it waits for it, and signs nothing.
  alpha.start({}, "event=node.quarantined");
  alpha.until("it has heard from beta and waits for gamma", [&] {
    const v1::Recovery recovery = alpha.status().recovery();
    return recovery.waiting_for() == "waiting for " + gamma.name() && recovery.records() == size;
  });
  CHECK(state_of(alpha) == "quarantined");
  CHECK(alpha.http("GET", "/healthz").status == 503);
  CHECK_FALSE(alpha.call<v1::SubmitReply>("Submit", submission({"too early"})));
  const Finished shown = alpha.tocsin({"status"});
  CHECK(shown.out.find("QUARANTINED") != std::string::npos);
  CHECK(shown.out.find("waiting for " + gamma.name()) != std::string::npos);
  CHECK(shown.out.find("tocsin ledger recover --without") != std::string::npos);
  CHECK(held_by(beta, alpha) == size);

  gamma.start();
  REQUIRE(alpha.daemon().await("event=node.serving", kPatience));
  alpha.until("it serves", [&] { return state_of(alpha) == "serving"; });
  CHECK(alpha.status().ledger_size() >= size);
  CHECK(alpha.http("GET", "/healthz").status == 200);
  const v1::FsckReply checked = *alpha.call<v1::FsckReply>("Fsck", v1::FsckRequest());
  INFO(checked.ShortDebugString());
  CHECK(checked.problems() == 0);
  CHECK(checked.lost() == 0);

  // It goes on where it was, for everybody.
  const std::vector<std::string> more = reviewed(beta, dir, {"third"});
  publish(beta, more[0]);
  REQUIRE(alpha.call<v1::SubmitReply>("Submit", submission({"fourth"})));
  alpha.ask({"signal", "retract", signals[1], "--reason", "FALSE_POSITIVE", "--cause", "again"});
  alpha.until("it holds beta's new signal", [&] { return alpha.holds(more[0]); });
  const std::uint64_t now = alpha.status().ledger_size();
  for (Company* company : {&beta, &gamma}) {
    company->until("it goes on with alpha", [&] { return held_by(*company, alpha) >= now; });
    CHECK(company->peer(alpha.name()).evidence().empty());
  }
  const Finished audit = verify(alpha, dir);
  INFO(audit.out);
  CHECK(audit.code == 0);
}

TEST_CASE("a data directory put back whole is noticed before anything is signed, and completed",
          "[recovery]") {
  const tests::TempDir dir;
  Company alpha(dir, "alpha");
  Company beta(dir, "beta");
  alpha.start();
  beta.start();
  make_network(alpha, {&beta});
  REQUIRE(alpha.stop() == 0);
  const std::string earlier = dir.file("earlier");
  fs::copy(alpha.folder(), earlier, fs::copy_options::recursive);
  alpha.start();
  REQUIRE(alpha.call<v1::SubmitReply>("Submit", submission({"a", "b", "c"})));
  const std::uint64_t size = alpha.status().ledger_size();
  beta.until("it holds all of alpha", [&] { return held_by(beta, alpha) == size; });
  REQUIRE(alpha.stop() == 0);
  fs::remove_all(alpha.folder());
  fs::rename(earlier, alpha.folder());

  alpha.start();
  CHECK(alpha.daemon().err().find("event=node.behind") != std::string::npos);
  CHECK(alpha.daemon().err().find("event=repair.done") != std::string::npos);
  CHECK(alpha.status().ledger_size() >= size);
  // The three drafts were shown to nobody: their leaves are there again, what they said is lost, and said to
  // be.
  const v1::FsckReply checked = *alpha.call<v1::FsckReply>("Fsck", v1::FsckRequest());
  CHECK(checked.problems() == 0);
  CHECK(checked.lost() == 3);
  const Finished audit = verify(alpha, dir);
  INFO(audit.out);
  CHECK(audit.code == 7);
  const auto again = alpha.call<v1::SubmitReply>("Submit", submission({"a"}));
  REQUIRE(again);
  CHECK(again->items(0).outcome() == v1::SubmitItem::NEW);
  const std::uint64_t now = alpha.status().ledger_size();
  beta.until("it goes on with alpha", [&] { return held_by(beta, alpha) >= now; });
  CHECK(beta.peer(alpha.name()).evidence().empty());
}

TEST_CASE("a node with nobody to ask stays in quarantine until its operator decides", "[recovery]") {
  const tests::TempDir dir;
  Company alpha(dir, "alpha");
  alpha.start();
  REQUIRE(alpha.call<v1::SubmitReply>("Submit", submission({"a"})));
  const std::uint64_t size = alpha.status().ledger_size();
  REQUIRE(alpha.stop() == 0);
  REQUIRE(fs::remove(alpha.folder() + "/store.anchor"));
  alpha.start({}, "event=repair.waiting");
  alpha.until("it says what it waits for",
              [&] { return alpha.status().recovery().waiting_for() == "there is no member to ask"; });

  const Finished wrong = alpha.tocsin({"ledger", "recover", "--alone", "--confirm", "beta.example"});
  CHECK(wrong.code == 2);
  CHECK(alpha.tocsin({"ledger", "recover", "--alone"}).code == 2);
  const Finished unknown =
      alpha.tocsin({"ledger", "recover", "--without", "delta.example", "--confirm", alpha.name()});
  CHECK(unknown.code == 3);
  CHECK(state_of(alpha) == "quarantined");

  alpha.ask({"ledger", "recover", "--alone", "--confirm", alpha.name()});
  alpha.until("it serves", [&] { return state_of(alpha) == "serving"; });
  CHECK(alpha.status().ledger_size() == size);
  REQUIRE(alpha.call<v1::SubmitReply>("Submit", submission({"b"})));
  CHECK(verify(alpha, dir).code == 0);
  CHECK(alpha.tocsin({"ledger", "recover"}).code == 5);
}
