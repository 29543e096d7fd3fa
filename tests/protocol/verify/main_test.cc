// The program as an auditor calls it: arguments, exit and what it prints.

#include <cstdio>

#include <sys/wait.h>

#include "tests/protocol/verify/audit_fixture.h"
#include "tests/support/temp_dir.h"
#include "tests/support/two_histories.h"

namespace tocsin::protocol {
namespace {

using namespace tocsin::test;

struct Ran {
  int exit = -1;
  std::string printed;
};

Ran run(const std::string& arguments) {
  Ran out;
  FILE* pipe = popen((TOCSIN_VERIFY " " + arguments + " 2>&1").c_str(), "r");
  REQUIRE(pipe != nullptr);
  char buffer[4096];
  for (std::size_t read = 0; (read = fread(buffer, 1, sizeof buffer, pipe)) != 0;)
    out.printed.append(buffer, read);
  const int status = pclose(pipe);
  if (WIFEXITED(status)) out.exit = WEXITSTATUS(status);
  return out;
}

struct Desk {
  tests::TempDir folder;
  CorrectLedger ledger = correct_ledger();
  std::string vkey = " --vkey " + vkey_text(parties().issuer);

  std::string put(const std::string& name, const Bytes& bytes) const {
    return folder.write(name, to_string(bytes));
  }
};

}  // namespace

TEST_CASE("tocsin-verify needs a bundle and a key, and says one sentence") {
  const Desk desk;
  const std::string bundle = desk.put("october.tar", desk.ledger.builder.bundle());
  const Ran ran = run(bundle + desk.vkey);
  CHECK(ran.exit == 0);
  CHECK(
      ran.printed ==
      "video.example: 16 records intact; 2 signals, each reviewed by a second person before it was shared; 1 "
      "retraction, to be answered by 2 (whose ledgers were not given).\n");
  CHECK(run(bundle + desk.vkey + " --leaves-only").exit == 0);
}

TEST_CASE("tocsin-verify exits by what it found") {
  Desk desk;
  Bytes bytes = desk.ledger.builder.bundle();
  bytes[600] ^= 1;
  const Ran tampered = run(desk.put("tampered.tar", bytes) + desk.vkey);
  CHECK(tampered.exit == 8);
  CHECK(tampered.printed.find("do not rely on it") != std::string::npos);
  const std::string trust = desk.folder.write("trust.policy", policy_text(parties().issuer));
  const std::string kept = desk.folder.write("kept", desk.ledger.builder.checkpoint(16));
  desk.ledger.builder.records().pop_back();
  const std::string cut = desk.put("cut.tar", desk.ledger.builder.bundle());
  CHECK(run(cut + " --policy " + trust).exit == 0);
  const Ran rolled_back = run(cut + " --policy " + trust + " --trusted-checkpoint " + kept);
  CHECK(rolled_back.exit == 8);
  CHECK(rolled_back.printed.find("V4.rollback") != std::string::npos);
  desk.ledger.builder.records()[10].withheld = true;
  CHECK(run(desk.put("withheld.tar", desk.ledger.builder.bundle()) + desk.vkey).exit == 7);
  desk.ledger.builder.records()[10].withheld = false;
  set_slot(desk.ledger.builder.records()[10].slots, slot_text(1, "another clause"));
  desk.ledger.builder.rebuild();
  const Ran breach = run(desk.put("breach.tar", desk.ledger.builder.bundle()) + desk.vkey + " --json");
  CHECK(breach.exit == 8);
  CHECK(breach.printed.find(R"("code":"V9.attestation","severity":"tampering","index":10,"rule":"R2")") !=
        std::string::npos);
}

TEST_CASE("tocsin-verify equivocation: 8 for a proof, 7 for a file that proves nothing, 2 for no file") {
  const Desk desk;
  const TwoHistories two("video.example", 1);
  const std::string file = format_equivocation(two.proof(5, 9));
  const std::string proof = desk.folder.write("video.equivocation", file);
  const std::string broken = desk.folder.write("broken", file.substr(0, file.size() - 9));
  const Ran proven = run("equivocation " + proof);
  CHECK(proven.exit == 8);
  CHECK(proven.printed.find("proven: video.example signed two histories") != std::string::npos);
  CHECK(run("equivocation " + proof + " --json").printed.find("\"proven\":true") != std::string::npos);
  CHECK(run("equivocation " + broken).exit == 7);
  CHECK(run("equivocation " + proof + " " + broken).exit == 7);
  CHECK(run("equivocation " + proof + " --node " + print_fingerprint(two.descriptor.fingerprint())).exit ==
        8);
  CHECK(run("equivocation " + proof + " --node " + print_fingerprint(Hash{})).exit == 7);
  CHECK(run("equivocation " + proof + " --node nobody").exit == 2);
  CHECK(run("equivocation").exit == 2);
  CHECK(run("equivocation " + proof + ".gone").exit == 2);
  CHECK(run("equivocation " + proof + " --leaves-only").exit == 2);
}

TEST_CASE("tocsin-verify explains itself and refuses what it does not understand") {
  const Desk desk;
  const std::string bundle = desk.put("october.tar", desk.ledger.builder.bundle());
  const Ran help = run("--help");
  CHECK(help.exit == 0);
  CHECK(help.printed.find("EXAMPLES") != std::string::npos);
  CHECK(run("--version").exit == 0);
  const std::string elsewhere = desk.folder.write(
      "elsewhere", sign_checkpoint(parties().issuer.operational, {"chat.example/ledger", {0, empty_root()}}));
  for (const std::string& arguments :
       {std::string(), bundle, desk.vkey, bundle + " --vkey nonsense",
        bundle + desk.vkey + " --policy " + bundle, bundle + ".gone" + desk.vkey,
        desk.folder.path() + desk.vkey, bundle + desk.vkey + " --no-such-option x",
        bundle + desk.vkey + " --now", bundle + desk.vkey + " --now yesterday",
        bundle + desk.vkey + " --now 2026-13-01T00:00:00Z",
        bundle + desk.vkey + " --trusted-checkpoint " + elsewhere}) {
    INFO(arguments);
    CHECK(run(arguments).exit == 2);
  }
  CHECK(run(bundle + desk.vkey + " --now 2026-11-25T13:00:00Z").exit == 0);
  CHECK(run(bundle + desk.vkey + " --now 1767139200").exit == 10);  // the day before the ledger began
}

}  // namespace tocsin::protocol
