// tocsin-verify: judges ledgers from their bundles alone. Everything here is arguments, files and printing.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

#include "crypto/random.h"
#include "protocol/log/text.h"
#include "protocol/verify/cross.h"
#include "protocol/verify/equivocation_file.h"
#include "protocol/verify/verifier.h"
#include "protocol/wire/json_text.h"

namespace {

using namespace tocsin;
using namespace tocsin::protocol;

constexpr std::string_view kHelp =
    R"(tocsin-verify - judge a Tocsin ledger from its bundle, without a network

USAGE
  tocsin-verify BUNDLE... (--vkey KEY | --policy FILE) [options]
  tocsin-verify equivocation FILE... [--node FINGERPRINT] [--json]

WHAT IT DOES
  Recomputes everything a bundle claims: the archive's form, the manifest, the checkpoint's signatures, the
  tree over all records, each chain of records, what is opened, and whether due process was kept. It trusts
  only the keys that you give, never those in the bundle. Given the bundles of several nodes it also holds
  them against one another: whether receivers saw the same history, and whether they answered retractions in
  time.

  With `equivocation` it judges files of evidence, as `tocsin ledger evidence export` writes them: whether the
  node they name signed two histories of its ledger. They need no key: compare the root key's fingerprint that
  it prints, or say with --node which node you mean.

OPTIONS
  --vkey KEY                  a ledger's key, as its operator prints it; may be repeated. Asks for no
                              witnesses
  --policy FILE               a tlog-policy: the ledgers' keys, the witnesses and the quorum you ask for
  --trusted-checkpoint FILE   the checkpoint that you kept from last time, which the ledger must go on from.
                              After a clean result FILE holds the bundle's newest (not after a bundle of a part,
                              which cannot show that it goes on); it need not exist the first time. May be
                              repeated, one for each ledger
  --now TIME                  your clock, seconds since 1970 or 2026-11-25T13:00:00Z. Without it, time is what
                              the bundles themselves prove
  --leaves-only               judge the records' order and integrity, not what they say: for a public mirror
  --threads N                 how many to hash and verify with; one a processor
  --node FINGERPRINT          equivocation: of the root key that you mean, SHA256:...
  --memory MIB                what to hold of chains and cases in memory, 256 unless told; what is more goes to
                              a temporary file in TMPDIR
  --json                      one JSON object a line: each finding, then each bundle's result
  --help, --version

EXIT
  0   clean
  2   the command was not understood, or a file could not be read
  7   evidence is missing or was refused
  8   tampering or forgery
  10  the evidence is whole, and shows that a rule of due process was not kept
  With several findings 8 goes before 7, and 7 before 10.
  equivocation: 8 every file is a proof · 7 one of them proves nothing · 2 as above

EXAMPLES
  The simplest use, with the key that the operator gave you:
    tocsin-verify october.tar --vkey video.example/ledger+1d2c3b4a+AaBb...
  Every month: from the checkpoint kept last time, under a policy with witnesses:
    tocsin-verify november.tar --policy trust.policy --trusted-checkpoint video.checkpoint
  Did everybody answer the retractions of video.example?
    tocsin-verify video.tar photos.tar chat.tar --policy trust.policy --now 2026-11-25T13:00:00Z
  Did video.example really show two histories?
    tocsin-verify equivocation video.equivocation
)";

constexpr std::size_t kFindingsPrinted = 20;
constexpr std::uint64_t kThreadsMax = 256;
constexpr std::uint64_t kMemoryMibMax = 1 << 20;

int usage(const std::string& message) {
  std::fprintf(stderr, "tocsin-verify: %s\nTry 'tocsin-verify --help'.\n", message.c_str());
  return kExitUsage;
}

struct Arguments {
  std::vector<std::string> bundles, vkeys, trusted;
  std::string policy;
  std::optional<std::uint64_t> now_ms;
  unsigned threads = 0;
  std::optional<Hash> node;
  std::size_t memory_bytes = kAuditMemoryBytes;
  bool equivocation = false, leaves_only = false, json = false, help = false, version = false;
};

Result<std::string> read_text(const std::string& path) {
  TRY_ASSIGN(const auto file, FileSource::open(path));
  if (file->size() > kPolicyBytesMax) return fail(Code::kInvalidArgument, path + " is too long");
  Bytes bytes(static_cast<std::size_t>(file->size()));
  TRY(file->read(0, bytes));
  return to_string(bytes);
}

// Whole or not at all, whatever happens meanwhile.
Status write_text(const std::string& path, const std::string& text) {
  const std::string fresh = path + ".new";
  const int descriptor = ::open(fresh.c_str(), O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0644);
  if (descriptor < 0) return fail(Code::kPermissionDenied, "cannot write " + fresh);
  const bool written = ::write(descriptor, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
                       ::fsync(descriptor) == 0;
  ::close(descriptor);
  if (written && std::rename(fresh.c_str(), path.c_str()) == 0) return {};
  ::unlink(fresh.c_str());
  return fail(Code::kUnavailable, "cannot write " + path);
}

std::optional<std::uint64_t> parse_time_ms(const std::string& text) {
  constexpr std::uint64_t kSecondsMax = 253'402'300'799;  // the year 9999
  if (const auto seconds = parse_decimal(text))
    return *seconds <= kSecondsMax ? std::optional(*seconds * 1000) : std::nullopt;
  unsigned year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
  char end = 0, more = 0;
  const int fields = std::sscanf(text.c_str(), "%4u-%2u-%2uT%2u:%2u:%2u%c%c", &year, &month, &day, &hour,
                                 &minute, &second, &end, &more);
  const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(year)), std::chrono::month(month),
                                         std::chrono::day(day)};
  if (fields != 7 || end != 'Z' || year < 1970 || !date.ok() || hour > 23 || minute > 59 || second > 59)
    return std::nullopt;
  const auto days = std::chrono::sys_days(date).time_since_epoch().count();
  return ((static_cast<std::uint64_t>(days) * 24 + hour) * 60 + minute) * 60'000 + second * 1000ULL;
}

Result<Arguments> parse_arguments(const std::vector<std::string>& words) {
  Arguments out;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (i == 0 && word == "equivocation") {
      out.equivocation = true;
    } else if (word == "--help" || word == "-h") {
      out.help = true;
    } else if (word == "--version") {
      out.version = true;
    } else if (word == "--json") {
      out.json = true;
    } else if (word == "--leaves-only") {
      out.leaves_only = true;
    } else if (!word.starts_with("-")) {
      out.bundles.push_back(word);
    } else if (i + 1 == words.size()) {
      return fail(Code::kInvalidArgument, word + " is not an option, or lacks its value");
    } else if (const std::string& value = words[++i]; word == "--vkey") {
      out.vkeys.push_back(value);
    } else if (word == "--policy") {
      if (!out.policy.empty()) return fail(Code::kInvalidArgument, "--policy is given twice");
      out.policy = value;
    } else if (word == "--trusted-checkpoint") {
      out.trusted.push_back(value);
    } else if (word == "--threads") {
      const auto threads = parse_decimal(value);
      if (!threads || *threads == 0 || *threads > kThreadsMax)
        return fail(Code::kInvalidArgument, "--threads takes 1 to 256");
      out.threads = static_cast<unsigned>(*threads);
    } else if (word == "--node") {
      TRY_ASSIGN(out.node, parse_fingerprint(value));
    } else if (word == "--memory") {
      const auto mib = parse_decimal(value);
      if (!mib || *mib > kMemoryMibMax) return fail(Code::kInvalidArgument, "--memory takes 0 to 1048576");
      out.memory_bytes = static_cast<std::size_t>(*mib) << 20;
    } else if (word == "--now") {
      out.now_ms = parse_time_ms(value);
      if (!out.now_ms) return fail(Code::kInvalidArgument, value + " is not a time");
    } else {
      return fail(Code::kInvalidArgument, word + " is not an option");
    }
  }
  return out;
}

Result<Policy> read_policy(const Arguments& arguments) {
  if (arguments.vkeys.empty() == arguments.policy.empty())
    return fail(Code::kInvalidArgument, "say whom you trust: --vkey KEY or --policy FILE, one of the two");
  std::string text;
  if (!arguments.policy.empty()) {
    TRY_ASSIGN(text, read_text(arguments.policy));
  } else {
    for (const std::string& vkey : arguments.vkeys) {
      TRY_ASSIGN(const VerifierKey key, parse_vkey(vkey));
      text += "log " + format_vkey(key) + "\n";
    }
    text += "quorum none\n";
  }
  return Policy::parse(text);
}

struct Kept {
  std::string path;
  std::optional<Checkpoint> checkpoint;  // none: the file is to be made
};

// The option's checkpoint of the bundle's own ledger is found when the bundle has been read, so all are
// parsed first.
Result<std::vector<Kept>> read_trusted(const Arguments& arguments, const Policy& policy) {
  std::vector<Kept> out;
  for (const std::string& path : arguments.trusted) {
    if (::access(path.c_str(), F_OK) != 0) {
      out.push_back({path, std::nullopt});
      continue;
    }
    TRY_ASSIGN(const std::string note, read_text(path));
    auto checkpoint = parse_trusted_checkpoint(note, policy);
    if (!checkpoint)
      return fail(checkpoint.error().code,
                  path + " is no checkpoint of a ledger that you trust: " + checkpoint.error().message);
    out.push_back({path, std::move(*checkpoint)});
  }
  const auto made = std::count_if(out.begin(), out.end(), [](const Kept& kept) { return !kept.checkpoint; });
  if (made > 1 || (made == 1 && arguments.bundles.size() > 1))
    return fail(Code::kInvalidArgument,
                "a checkpoint's file that does not exist yet can be made for one bundle at a time");
  return out;
}

// What the auditor has seen and found clean is what the next audit must go on from.
Status keep_checkpoints(const std::vector<Kept>& all, const std::vector<Audit>& audits) {
  for (const Kept& kept : all)
    for (const Audit& audit : audits) {
      if (audit.report.exit_code() != kExitClean || audit.checkpoint.empty()) continue;
      if (kept.checkpoint && (kept.checkpoint->origin != audit.facts.origin ||
                              kept.checkpoint->tree.size >= audit.facts.records))
        continue;
      if (kept.checkpoint && audit.unjoined) {
        std::fprintf(stderr,
                     "%s stays as it is: a bundle of a part cannot show that the ledger goes on from it.\n",
                     kept.path.c_str());
        continue;
      }
      TRY(write_text(kept.path, audit.checkpoint));
    }
  return {};
}

void print_findings(const Report& report, bool json) {
  std::size_t printed = 0;
  for (const Finding& finding : report.findings()) {
    if (json) {
      std::printf("%s\n", finding_json(finding).c_str());
      continue;
    }
    if (printed++ == kFindingsPrinted) break;
    std::string line = "  " + std::string(severity_name(finding.severity)) + "  " + finding.code;
    if (!finding.rule.empty()) line += " " + finding.rule;
    if (finding.index) line += "  record " + std::to_string(*finding.index);
    std::printf("%s: %s\n", line.c_str(), finding.text.c_str());
  }
  if (!json && report.total() > kFindingsPrinted)
    std::printf("  and %zu more; --json prints up to %zu\n", report.total() - kFindingsPrinted,
                kFindingsKept);
}

void print_result(const std::string& path, const Audit& audit, bool json) {
  if (!json) {
    std::printf("%s\n", summary(audit).c_str());
    return print_findings(audit.report, json);
  }
  print_findings(audit.report, json);
  const AuditFacts& facts = audit.facts;
  std::printf(
      "{\"bundle\":%s,\"origin\":%s,\"exit\":%d,\"findings\":%zu,\"records\":%llu,\"signals\":%llu,"
      "\"published\":%llu,"
      "\"retractions\":%llu,\"recipients\":%llu,\"answers\":%llu,\"summary\":%s}\n",
      json_string(path).c_str(), json_string(facts.origin).c_str(), audit.report.exit_code(),
      audit.report.total(), static_cast<unsigned long long>(facts.records),
      static_cast<unsigned long long>(facts.signals), static_cast<unsigned long long>(facts.published),
      static_cast<unsigned long long>(facts.retractions), static_cast<unsigned long long>(facts.recipients),
      static_cast<unsigned long long>(facts.answers), json_string(summary(audit)).c_str());
}

int run_equivocation(const Arguments& arguments) {
  if (arguments.bundles.empty()) return usage("name a file of evidence");
  if (!arguments.vkeys.empty() || !arguments.policy.empty() || !arguments.trusted.empty() ||
      arguments.now_ms || arguments.leaves_only)
    return usage("equivocation takes files, --node and --json");
  int exit = kExitTampering;
  for (const std::string& path : arguments.bundles) {
    const auto file = read_text(path);
    if (!file) return usage(file.error().message);
    const EquivocationVerdict verdict = judge_equivocation(*file, arguments.node);
    std::fputs((arguments.json ? describe_json(verdict, path) : describe(verdict, path)).c_str(), stdout);
    exit = std::min(exit, verdict.exit_code());
  }
  return exit;
}

int run(const Arguments& arguments) {
  if (arguments.node) return usage("--node goes with equivocation");
  if (arguments.bundles.empty()) return usage("name a bundle");
  VerifyOptions options;
  auto policy = read_policy(arguments);
  if (!policy) return usage(policy.error().message);
  options.policy = std::move(*policy);
  const auto trusted = read_trusted(arguments, options.policy);
  if (!trusted) return usage(trusted.error().message);
  for (const Kept& kept : *trusted)
    if (kept.checkpoint) options.trusted.push_back(*kept.checkpoint);
  options.now_ms = arguments.now_ms;
  options.leaves_only = arguments.leaves_only;
  options.threads = arguments.threads;
  options.memory_bytes = arguments.memory_bytes;
  std::vector<Audit> audits;
  for (const std::string& path : arguments.bundles) {
    auto file = FileSource::open(path);
    if (!file) return usage(file.error().message);
    audits.push_back(verify_bundle(std::move(*file), options));
    if (audits.back().unreadable) return usage(path + ": " + audits.back().unreadable->message);
  }
  for (const Checkpoint& kept : options.trusted)
    if (std::none_of(audits.begin(), audits.end(),
                     [&](const Audit& a) { return a.facts.origin == kept.origin; }))
      return usage("you trust a checkpoint of " + kept.origin +
                   ", and none of the bundles is of that ledger");
  if (const Status compared = compare_ledgers(audits, options.now_ms); !compared)
    return usage(compared.error().message);
  Report all;
  for (std::size_t i = 0; i < audits.size(); ++i) {
    print_result(arguments.bundles[i], audits[i], arguments.json);
    all.merge(audits[i].report);
  }
  if (const Status kept = keep_checkpoints(*trusted, audits); !kept) return usage(kept.error().message);
  return all.exit_code();
}

}  // namespace

int main(int argc, char** argv) {
  const auto arguments = parse_arguments({argv + 1, argv + argc});
  if (!arguments) return usage(arguments.error().message);
  if (arguments->help) return std::fputs(kHelp.data(), stdout) < 0 ? kExitUsage : kExitClean;
  if (arguments->version) return std::puts("tocsin-verify " TOCSIN_VERSION) < 0 ? kExitUsage : kExitClean;
  if (const auto ready = crypto::init(); !ready) return usage(ready.error().message);
  return arguments->equivocation ? run_equivocation(*arguments) : run(*arguments);
}
