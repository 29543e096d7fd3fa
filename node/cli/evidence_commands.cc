#include <fstream>

#include "crypto/base/encoding.h"
#include "node/cli/command.h"
#include "node/cli/exit_code.h"
#include "node/cli/session.h"
#include "node/cli/time_text.h"
#include "tocsin/v1/admin.pb.h"

namespace tocsin::cli {
namespace {

constexpr std::size_t kDigestShown = 12;  // hex digits: enough to name one

Result<int> list(Session& session, const Arguments&) {
  TRY_ASSIGN(const auto reply,
             session.daemon().call<v1::EvidenceListReply>("EvidenceList", v1::EvidenceListRequest()));
  Table table = {{"EVIDENCE", "AGAINST", "LEDGER", "HEADS", "ENTRY", "RECORDED", "NOW"}};
  for (const v1::EquivocationInfo& one : reply.evidence())
    table.push_back({hex_encode(as_view(one.digest())).substr(0, kDigestShown), printable(one.peer()),
                     printable(one.origin()),
                     one.first_size() == one.second_size()
                         ? "two of " + grouped(one.first_size())
                         : grouped(one.first_size()) + " and " + grouped(one.second_size()),
                     grouped(one.index()), print_time(one.time_ms()),
                     one.quarantined() ? "in quarantine" : "resumed"});
  session.print_list("EvidenceList", reply.evidence(), table);
  return static_cast<int>(kDone);
}

Result<int> save(Session& session, const Arguments& arguments) {
  v1::EvidenceRequest request;
  request.set_name(arguments.text("NAME"));
  TRY_ASSIGN(const auto one, session.daemon().call<v1::EquivocationInfo>("EvidenceShow", request));
  const std::string path = arguments.text("FILE");
  if (path.empty()) {
    session.print_text(one.file());
    return static_cast<int>(kDone);
  }
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << one.file();
  file.close();
  if (!file) return tocsin::fail(Code::kPermissionDenied, "cannot write " + path, "evidence/path");
  session.print_one("Evidence", one,
                    path + ": " + printable(one.peer()) + " signed two histories of " +
                        printable(one.origin()) + "\nAnybody can check it:  tocsin-verify equivocation " +
                        path + " --node " + one.fingerprint() + "\n");
  return static_cast<int>(kDone);
}

}  // namespace

std::vector<Command> evidence_commands() {
  return {
      {"ledger evidence list",
       "proofs in this ledger that a member showed two histories of its own",
       {},
       {"tocsin ledger evidence list", "tocsin ledger evidence list -o ndjson"},
       list},
      {"ledger evidence export",
       "one proof as a file that anybody can check",
       {{"NAME", "", "the member's name, or the beginning of the evidence's digest", Need::kRequired},
        {"FILE", "", "where to; printed when it is not given"}},
       {"tocsin ledger evidence export video.example video.equivocation",
        "tocsin ledger evidence export 5f0c2a91 > video.equivocation"},
       save},
  };
}

}  // namespace tocsin::cli
