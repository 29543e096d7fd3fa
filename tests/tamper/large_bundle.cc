// large_bundle: verifies a bundle that is never stored, in a process that may not take more memory than it is
// given.
//
//   large_bundle [--records N] [--limit MIB] [--memory MIB] [--threads N]
//
// This process makes the bundle's bytes when they are asked for; another audits it and asks over a socket.
// That one first audits a small bundle, so that everything that any audit needs is there; then it may take
// `limit` MiB of address space more (RLIMIT_AS) and audits the large one, with `memory` MiB for chains and
// cases. For a bundle of 10 GB: --records 19000000 --limit 640. Exit 0 when the audit is clean and took no
// more than 100 bytes a record.

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crypto/random.h"
#include "protocol/verify/verifier.h"
#include "tests/support/large_ledger.h"

namespace {

using namespace tocsin;
using namespace tocsin::protocol;

constexpr std::uint64_t kSmallRecords = 70'000;  // every buffer of a fixed size is full then
constexpr double kBytesARecordMax = 100;
constexpr int kSocket = 3;  // the auditor's

struct Options {
  std::uint64_t records = 300'000, limit = 64, memory = 8, threads = 2;
  bool auditor = false;
};

void put_all(int fd, ByteView bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n <= 0) throw std::runtime_error("the other side is gone");
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
}

bool get_all(int fd, std::span<std::uint8_t> out) {
  while (!out.empty()) {
    const ssize_t n = ::recv(fd, out.data(), out.size(), 0);
    if (n <= 0) return false;
    out = out.subspan(static_cast<std::size_t>(n));
  }
  return true;
}

// Which bundle, where, how much.
struct Ask {
  std::uint64_t large = 0, offset = 0, size = 0;
};

class AskedSource final : public ByteSource {
 public:
  AskedSource(bool large, std::uint64_t size) : large_(large), size_(size) {}
  std::uint64_t size() const override { return size_; }
  Status read(std::uint64_t offset, std::span<std::uint8_t> out) const override {
    const std::lock_guard guard(mu_);
    const Ask ask{large_ ? 1U : 0U, offset, out.size()};
    put_all(kSocket, {reinterpret_cast<const std::uint8_t*>(&ask), sizeof ask});
    if (!get_all(kSocket, out)) return fail(Code::kDataLoss, "the bundle ends", "bundle/read");
    return {};
  }

 private:
  const bool large_;
  const std::uint64_t size_;
  mutable std::mutex mu_;
};

// KiB of /proc/self/status.
double status_kib(std::string_view name) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with(name)) return std::strtod(line.c_str() + name.size(), nullptr);
  return 0;
}

bool audit(bool large, std::uint64_t bytes, const VerifyOptions& options) {
  const Audit done = verify_bundle(std::make_shared<AskedSource>(large, bytes), options);
  for (const Finding& finding : done.report.findings()) std::printf("%s\n", finding_json(finding).c_str());
  if (done.unreadable) std::printf("%s\n", done.unreadable->message.c_str());
  return !done.unreadable && done.report.exit_code() == 0;
}

// The greeting: sizes of both archives and of the policy, then the policy.
int run_auditor(const Options& chosen) {
  std::uint64_t sizes[3];
  if (!get_all(kSocket, {reinterpret_cast<std::uint8_t*>(sizes), sizeof sizes})) return 2;
  Bytes policy(static_cast<std::size_t>(sizes[2]));
  if (!get_all(kSocket, policy)) return 2;
  VerifyOptions options;
  auto parsed = Policy::parse(as_text(policy));
  if (!parsed) return 2;
  options.policy = std::move(*parsed);
  options.threads = static_cast<unsigned>(chosen.threads);
  options.memory_bytes = static_cast<std::size_t>(chosen.memory) << 20;
  if (!audit(false, sizes[0], options)) return 1;
  const double resident = status_kib("VmHWM:");
  const auto space =
      static_cast<rlim_t>(status_kib("VmPeak:") * 1024) + (static_cast<rlim_t>(chosen.limit) << 20);
  const rlimit bound{space, space};
  if (setrlimit(RLIMIT_AS, &bound) != 0) return 2;
  if (!audit(true, sizes[1], options)) return 1;
  const double grown =
      (status_kib("VmHWM:") - resident) * 1024 / static_cast<double>(chosen.records - kSmallRecords);
  std::printf(
      "figures: verifier memory: %llu records, each a chain and opened, %.0f MiB streamed within %llu MiB; "
      "peak grew by "
      "%.0f bytes a record, bar 100\n",
      static_cast<unsigned long long>(chosen.records), static_cast<double>(sizes[1]) / (1 << 20),
      static_cast<unsigned long long>(chosen.limit), grown);
  return grown <= kBytesARecordMax ? 0 : 1;
}

void serve(int fd, test::LargeLedger& small, test::LargeLedger& large) {
  const std::string policy = large.policy();
  const std::uint64_t sizes[3] = {small.archive_bytes(), large.archive_bytes(), policy.size()};
  put_all(fd, {reinterpret_cast<const std::uint8_t*>(sizes), sizeof sizes});
  put_all(fd, as_view(policy));
  Bytes bytes;
  for (Ask ask; get_all(fd, {reinterpret_cast<std::uint8_t*>(&ask), sizeof ask});) {
    bytes.resize(static_cast<std::size_t>(ask.size));
    (ask.large != 0 ? large : small).read(ask.offset, bytes);
    put_all(fd, bytes);
  }
}

int run(const Options& options, char** argv) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return 2;
  const pid_t child = fork();
  if (child < 0) return 2;
  if (child == 0) {
    if (ends[1] == kSocket) {
      if (fcntl(kSocket, F_SETFD, 0) != 0) _exit(2);
    } else if (dup2(ends[1], kSocket) != kSocket) {
      _exit(2);
    }
    std::vector<char*> words;
    for (char** word = argv; *word != nullptr; ++word) words.push_back(*word);
    std::string flag = "--auditor";
    words.push_back(flag.data());
    words.push_back(nullptr);
    execv("/proc/self/exe", words.data());
    _exit(2);
  }
  close(ends[1]);
  {
    test::LargeLedger small(kSmallRecords), large(options.records);
    serve(ends[0], small, large);
  }
  int status = 0;
  if (waitpid(child, &status, 0) != child || !WIFEXITED(status)) {
    std::printf("the auditor broke down: it needs more memory than it may have\n");
    return 1;
  }
  return WEXITSTATUS(status);
}

Options parsed(int argc, char** argv) {
  Options out;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (name == "--auditor") {
      out.auditor = true;
      continue;
    }
    if (i + 1 == argc) throw std::runtime_error(name + " needs a value");
    const std::uint64_t value = std::stoull(argv[++i]);
    if (name == "--records")
      out.records = value;
    else if (name == "--limit")
      out.limit = value;
    else if (name == "--memory")
      out.memory = value;
    else if (name == "--threads")
      out.threads = value;
    else
      throw std::runtime_error("unknown option " + name);
  }
  if (out.records <= kSmallRecords) throw std::runtime_error("more than 70000 records");
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (!crypto::init()) return 2;
    setvbuf(stdout, nullptr, _IOLBF, 0);
    const Options options = parsed(argc, argv);
    return options.auditor ? run_auditor(options) : run(options, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "large_bundle: %s\n", error.what());
    return 2;
  }
}
