// tocsin-verify: judges ledgers from their bundles alone. Everything here is arguments, files and printing.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/random.h"
#include "protocol/log/text.h"
#include "protocol/verify/cross.h"
#include "protocol/verify/verifier.h"
#include "protocol/wire/json_text.h"

namespace {

using namespace tocsin;
using namespace tocsin::protocol;

constexpr std::string_view kHelp =
    R"(tocsin-verify - judge a Tocsin ledger from its bundle, without a network

USAGE
  tocsin-verify BUNDLE... (--vkey KEY | --policy FILE) [options]

WHAT IT DOES
  Recomputes everything a bundle claims: the archive's form, the manifest, the checkpoint's signatures, the
  tree over all records, each chain of records, what is opened, and whether due process was kept. It trusts
  only the keys that you give, never those in the bundle. Given the bundles of several nodes it also holds
  them against one another: whether receivers saw the same history, and whether they answered retractions in
  time.

OPTIONS
  --vkey KEY                  a ledger's key, as its operator prints it; may be repeated. Asks for no
                              witnesses
  --policy FILE               a tlog-policy: the ledgers' keys, the witnesses and the quorum you ask for
  --trusted-checkpoint FILE   a checkpoint that you kept from earlier, which the ledger must go on from;
                              may be repeated
  --now TIME                  your clock, seconds since 1970 or 2026-11-25T13:00:00Z. Without it, time is what
                              the bundles themselves prove
  --leaves-only               judge the records' order and integrity, not what they say: for a public mirror
  --json                      one JSON object a line: each finding, then each bundle's result
  --help, --version

EXIT
  0   clean
  2   the command was not understood, or a file could not be read
  7   evidence is missing or was refused
  8   tampering or forgery
  10  the evidence is whole, and shows that a rule of due process was not kept
  With several findings 8 goes before 7, and 7 before 10.

EXAMPLES
  The simplest use, with the key that the operator gave you:
    tocsin-verify october.tar --vkey video.example/ledger+1d2c3b4a+AaBb...
  Every month: from the checkpoint kept last time, under a policy with witnesses, then keep the new one:
    tocsin-verify november.tar --policy trust.policy --trusted-checkpoint last.checkpoint
    tar xOf november.tar checkpoint > last.checkpoint
  Did everybody answer the retractions of video.example?
    tocsin-verify video.tar photos.tar chat.tar --policy trust.policy --now 2026-11-25T13:00:00Z
)";

constexpr std::size_t kFindingsPrinted = 20;

int usage(const std::string& message) {
  std::fprintf(stderr, "tocsin-verify: %s\nTry 'tocsin-verify --help'.\n", message.c_str());
  return kExitUsage;
}

struct Arguments {
  std::vector<std::string> bundles, vkeys, trusted;
  std::string policy;
  std::optional<std::uint64_t> now_ms;
  bool leaves_only = false, json = false, help = false, version = false;
};

// A file's bytes, mapped: a bundle may be larger than memory.
class MappedFile {
 public:
  static Result<MappedFile> open(const std::string& path) {
    MappedFile file;
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) return fail(Code::kNotFound, "cannot open " + path);
    struct stat status {};
    const bool regular = fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode);
    if (regular && status.st_size > 0) {
      file.size_ = static_cast<std::size_t>(status.st_size);
      file.data_ = mmap(nullptr, file.size_, PROT_READ, MAP_PRIVATE, descriptor, 0);
    }
    ::close(descriptor);
    if (!regular || file.data_ == MAP_FAILED) {
      file.data_ = nullptr;
      return fail(Code::kInvalidArgument, "cannot read " + path + " as a file");
    }
    return file;
  }
  MappedFile(MappedFile&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  MappedFile& operator=(MappedFile&&) = delete;
  ~MappedFile() {
    if (data_ != nullptr) munmap(data_, size_);
  }
  ByteView bytes() const { return {static_cast<const std::uint8_t*>(data_), size_}; }

 private:
  MappedFile() = default;
  void* data_ = nullptr;
  std::size_t size_ = 0;
};

Result<std::string> read_text(const std::string& path) {
  TRY_ASSIGN(const MappedFile file, MappedFile::open(path));
  if (file.bytes().size() > kPolicyBytesMax) return fail(Code::kInvalidArgument, path + " is too long");
  return to_string(file.bytes());
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
    if (word == "--help" || word == "-h") {
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

// The option's checkpoint of the bundle's own ledger is found when the bundle has been read, so all are
// parsed first.
Result<std::vector<Checkpoint>> read_trusted(const Arguments& arguments, const Policy& policy) {
  std::vector<Checkpoint> out;
  for (const std::string& path : arguments.trusted) {
    TRY_ASSIGN(const std::string note, read_text(path));
    auto checkpoint = parse_trusted_checkpoint(note, policy);
    if (!checkpoint)
      return fail(checkpoint.error().code,
                  path + " is no checkpoint of a ledger that you trust: " + checkpoint.error().message);
    out.push_back(std::move(*checkpoint));
  }
  return out;
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

int run(const Arguments& arguments) {
  if (arguments.bundles.empty()) return usage("name a bundle");
  VerifyOptions options;
  auto policy = read_policy(arguments);
  if (!policy) return usage(policy.error().message);
  options.policy = std::move(*policy);
  auto trusted = read_trusted(arguments, options.policy);
  if (!trusted) return usage(trusted.error().message);
  options.trusted = std::move(*trusted);
  options.now_ms = arguments.now_ms;
  options.leaves_only = arguments.leaves_only;
  std::vector<Audit> audits;
  for (const std::string& path : arguments.bundles) {
    const auto file = MappedFile::open(path);
    if (!file) return usage(file.error().message);
    audits.push_back(verify_bundle(file->bytes(), options));
  }
  for (const Checkpoint& kept : options.trusted)
    if (std::none_of(audits.begin(), audits.end(),
                     [&](const Audit& a) { return a.facts.origin == kept.origin; }))
      return usage("you trust a checkpoint of " + kept.origin +
                   ", and none of the bundles is of that ledger");
  compare_ledgers(audits, options.now_ms);
  Report all;
  for (std::size_t i = 0; i < audits.size(); ++i) {
    print_result(arguments.bundles[i], audits[i], arguments.json);
    all.merge(audits[i].report);
  }
  return all.exit_code();
}

}  // namespace

int main(int argc, char** argv) {
  const auto arguments = parse_arguments({argv + 1, argv + argc});
  if (!arguments) return usage(arguments.error().message);
  if (arguments->help) return std::fputs(kHelp.data(), stdout) < 0 ? kExitUsage : kExitClean;
  if (arguments->version) return std::puts("tocsin-verify " TOCSIN_VERSION) < 0 ? kExitUsage : kExitClean;
  if (const auto ready = crypto::init(); !ready) return usage(ready.error().message);
  return run(*arguments);
}
