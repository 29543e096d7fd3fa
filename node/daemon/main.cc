// tocsind: the node.
#include <csignal>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <string>

#include <unistd.h>

#include "crypto/base/secret.h"
#include "crypto/random.h"
#include "node/daemon/node.h"
#include "node/log/log.h"

extern char** environ;

namespace {

using namespace tocsin;
using namespace tocsin::node;

// To ourselves: what is on the disk has changed, the node is opened anew from it.
constexpr int kOpenAgain = SIGUSR1;
constexpr const char* kUsage =
    "tocsind serve [--config FILE] [--SETTING VALUE ...]\n"
    "  Runs the node. Settings: tocsind settings. Example:\n"
    "    tocsind serve --data-dir /var/lib/tocsin --listen 0.0.0.0:7443 --passphrase-file /etc/tocsin.pass\n"
    "tocsind settings        every setting and what it may be\n"
    "tocsind version\n";

// The command line's table, as far as it says something about a daemon that does not start.
int exit_code(Code code) {
  switch (code) {
    case Code::kInvalidArgument:
      return 2;
    case Code::kNotFound:
      return 3;
    case Code::kUnauthenticated:
    case Code::kPermissionDenied:
      return 4;
    case Code::kAlreadyExists:
    case Code::kFailedPrecondition:
      return 5;
    default:
      return 1;
  }
}

int explain(const Error& error) {
  std::fprintf(stderr, "tocsind: %s%s%s%s\n", error.message.c_str(), error.rule.empty() ? "" : "   [",
               error.rule.c_str(), error.rule.empty() ? "" : "]");
  if (!error.why.empty()) std::fprintf(stderr, "  Why:  %s\n", error.why.c_str());
  if (!error.fix.empty()) std::fprintf(stderr, "  Fix:  %s\n", error.fix.c_str());
  return exit_code(error.code);
}

Result<Config> configure(int argc, char** argv) {
  ConfigSources sources;
  for (int i = 2; i < argc; ++i) {
    const std::string flag = argv[i];
    if (!flag.starts_with("--") || i + 1 == argc)
      return fail(Error{Code::kInvalidArgument,
                        "\"" + flag + "\" needs a value or is no setting",
                        "config/flag",
                        {},
                        "tocsind settings"});
    const std::string value = argv[++i];
    if (flag == "--config") {
      sources.file = value;
    } else {
      sources.flags.emplace_back(flag.substr(2), value);
    }
  }
  for (char** entry = environ; *entry != nullptr; ++entry)
    if (const char* equals = std::strchr(*entry, '='))
      sources.environment.emplace(std::string(*entry, static_cast<std::size_t>(equals - *entry)),
                                  std::string(equals + 1));
  TRY_ASSIGN(LoadedConfig loaded, load_config(sources));
  return std::move(loaded.config);
}

int serve(int argc, char** argv) {
  auto config = configure(argc, argv);
  if (!config) return explain(config.error());
  const auto level = parse_log_level(config->log_level);
  const auto format = parse_log_format(config->log_format);
  if (!level) return explain(level.error());
  if (!format) return explain(format.error());
  start_log(*level, *format);

  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, kOpenAgain);
  // Before any thread starts: they inherit the mask, and only sigwait below takes these.
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  // A limit on file sizes is met as a failed write, which the store knows how to take.
  std::signal(SIGXFSZ, SIG_IGN);

  const auto wake = [] { ::kill(::getpid(), kOpenAgain); };
  auto node = Node::open(*config, wake);
  if (!node) return explain(node.error());
  if (const LockedMemory memory = locked_memory(); memory.unlocked > 0)
    log_event(LogLevel::kWarning, "secrets.not_locked",
              {{"blocks", memory.unlocked}, {"fix", "raise RLIMIT_MEMLOCK (LimitMEMLOCK=) to 8 MiB"}});
  int received = 0;
  while (sigwait(&signals, &received) == 0 && received == kOpenAgain) {
    log_event(LogLevel::kInfo, "node.opening_again");
    node->reset();  // one process at a time has the store
    node = Node::open(*config, wake);
    if (!node) return explain(node.error());
  }
  log_event(LogLevel::kInfo, "node.stopping", {{"signal", received}});
  (*node)->stop();
  log_event(LogLevel::kInfo, "node.stopped");
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  forbid_core_dumps();
  if (auto ready = crypto::init(); !ready) return explain(ready.error());
  const std::string command = argc > 1 ? argv[1] : "";
  if (command == "serve") return serve(argc, argv);
  if (command == "settings") {
    for (const KnownSetting& setting : known_settings())
      std::printf("  --%-18s %s\n", setting.key.c_str(), setting.form.c_str());
    return 0;
  }
  if (command == "version") {
    std::puts("tocsind 0.1.0");
    return 0;
  }
  std::fputs(kUsage, command == "--help" || command == "help" ? stdout : stderr);
  return command == "--help" || command == "help" ? 0 : 2;
}
