#include "node/media/sandbox.h"

#include <cerrno>
#include <cstring>
#include <initializer_list>
#include <memory>

#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

namespace tocsin::node {
namespace {

tl::unexpected<Error> cannot(const std::string& what, int error) {
  return fail(Code::kFailedPrecondition, "cannot " + what + ": " + std::strerror(error), "media/sandbox");
}

// The sanitizers reserve terabytes of address space; there the limit would stop the program before main.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kAddressLimit = false;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr bool kAddressLimit = false;
#else
constexpr bool kAddressLimit = true;
#endif
#else
constexpr bool kAddressLimit = true;
#endif

Status limit_resources(const SandboxLimits& limits) {
  struct Row {
    int resource;
    rlim_t value;
    const char* what;
  };
  const Row rows[] = {
      {RLIMIT_CPU, limits.cpu_seconds, "limit processor time"},
      {RLIMIT_FSIZE, 0, "forbid file growth"},
      {RLIMIT_CORE, 0, "forbid core dumps"},
      {RLIMIT_NPROC, 0, "forbid new processes"},
      {RLIMIT_NOFILE, 3, "forbid new files"},
      {RLIMIT_AS, limits.address_bytes, "limit memory"},
  };
  for (const Row& row : rows) {
    if (row.resource == RLIMIT_AS && !kAddressLimit) continue;
    const rlimit limit{row.value, row.value};
    if (setrlimit(static_cast<__rlimit_resource_t>(row.resource), &limit) != 0)
      return cannot(row.what, errno);
  }
  return {};
}

// Memory calls may ask for anything but executable pages and mappings of files.
int allow_memory(scmp_filter_ctx filter) {
  const auto not_executable = SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
  int rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 2, not_executable,
                            SCMP_A3(SCMP_CMP_MASKED_EQ, MAP_ANONYMOUS, MAP_ANONYMOUS));
  if (rc == 0) rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, not_executable);
  for (const int call : {SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise), SCMP_SYS(brk)})
    if (rc == 0) rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 0);
  return rc;
}

int allow_calls(scmp_filter_ctx filter) {
  int rc = allow_memory(filter);
  if (rc == 0)
    rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(read), 1, SCMP_A0(SCMP_CMP_EQ, STDIN_FILENO));
  if (rc == 0)
    rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(write), 1, SCMP_A0(SCMP_CMP_EQ, STDOUT_FILENO));
  for (const int call : {SCMP_SYS(exit), SCMP_SYS(exit_group), SCMP_SYS(futex), SCMP_SYS(rt_sigreturn),
                         SCMP_SYS(restart_syscall), SCMP_SYS(clock_gettime), SCMP_SYS(getrandom)})
    if (rc == 0) rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 0);
  return rc;
}

}  // namespace

Status enter_sandbox(const SandboxLimits& limits) {
  if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return cannot("forbid debugging", errno);
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return cannot("renounce privileges", errno);
  TRY(limit_resources(limits));
  const std::unique_ptr<void, void (*)(scmp_filter_ctx)> filter(seccomp_init(SCMP_ACT_KILL_PROCESS),
                                                                seccomp_release);
  if (filter == nullptr) return cannot("make a system call filter", ENOMEM);
  if (const int rc = allow_calls(filter.get()); rc != 0) return cannot("fill the system call filter", -rc);
  if (const int rc = seccomp_load(filter.get()); rc != 0) return cannot("load the system call filter", -rc);
  return {};
}

}  // namespace tocsin::node
