// tocsin-media: decodes and hashes the images its parent sends, in the sandbox, one after the other, until
// end of input. `tocsin-media --self-test` shows that the sandbox holds on this machine: it tries what an
// exploit would try.

#include <csignal>
#include <cstdio>
#include <cstring>
#include <new>
#include <span>
#include <string_view>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crypto/base/encoding.h"
#include "node/media/decode.h"
#include "node/media/sandbox.h"

namespace tocsin::node {
namespace {

constexpr int kExitOk = 0;
constexpr int kExitFailed = 1;
constexpr int kExitUsage = 2;
constexpr int kExitNoSandbox = 3;

// False at end of input or on an error.
bool read_all(std::span<std::uint8_t> out) {
  while (!out.empty()) {
    const ssize_t n = read(STDIN_FILENO, out.data(), out.size());
    if (n <= 0) return false;
    out = out.subspan(static_cast<std::size_t>(n));
  }
  return true;
}

bool write_all(ByteView bytes) {
  while (!bytes.empty()) {
    const ssize_t n = write(STDOUT_FILENO, bytes.data(), bytes.size());
    if (n <= 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
  return true;
}

Result<ImageHash> hash_within_memory(ByteView file) {
  try {
    return hash_image(file);
  } catch (const std::bad_alloc&) {
    return fail(Code::kResourceExhausted, "the image needs more memory than the decoder may use",
                "media/dimensions");
  }
}

int serve() {
  FixedBytes<kRequestHeaderBytes> header;
  while (read_all(header)) {
    const std::size_t length = get_be<std::uint32_t>(header.data());
    if (length > kImageBytesMax) return kExitFailed;
    Bytes file(length);
    if (!read_all(file)) return kExitFailed;
    if (!write_all(encode_answer(hash_within_memory(file)))) return kExitFailed;
  }
  return kExitOk;
}

struct Probe {
  const char* name;
  void (*attempt)();
};

constexpr Probe kProbes[] = {
    {"open a socket", [] { socket(AF_INET, SOCK_STREAM, 0); }},
    {"open a file for reading", [] { open("/etc/passwd", O_RDONLY); }},
    {"create a file", [] { open("/tmp", O_TMPFILE | O_RDWR, 0600); }},
    {"start a program", [] { execl("/bin/true", "true", nullptr); }},
    {"start a process",
     [] {
       if (fork() == 0) _exit(kExitOk);
     }},
    {"read another descriptor",
     [] {
       char c;
       [[maybe_unused]] const auto n = read(5, &c, 1);
     }},
    {"write to standard error", [] { [[maybe_unused]] const auto n = write(STDERR_FILENO, "", 0); }},
    {"make memory executable",
     [] { (void)mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); }},
    {"signal another process", [] { kill(getppid(), 0); }},
};

// Whether the kernel killed a sandboxed child for trying.
bool is_refused(const Probe& probe) {
  const pid_t child = fork();
  if (child == 0) {
    if (!enter_sandbox()) _exit(kExitNoSandbox);
    probe.attempt();
    _exit(kExitOk);
  }
  int status = 0;
  return child > 0 && waitpid(child, &status, 0) == child && WIFSIGNALED(status) &&
         WTERMSIG(status) == SIGSYS;
}

int self_test() {
  bool all = true;
  for (const Probe& probe : kProbes) {
    const bool refused = is_refused(probe);
    std::printf("%s  %s\n", refused ? "refused" : "ALLOWED", probe.name);
    all = all && refused;
  }
  std::puts(all ? "the sandbox holds"
                : "the sandbox does not hold: images must not be decoded on this machine");
  return all ? kExitOk : kExitFailed;
}

}  // namespace
}  // namespace tocsin::node

int main(int argc, char** argv) {
  using namespace tocsin::node;
  if (argc == 2 && std::string_view(argv[1]) == "--self-test") return self_test();
  if (argc != 1) {
    std::fputs("tocsin-media is started by tocsin and tocsind. By hand: tocsin-media --self-test\n", stderr);
    return kExitUsage;
  }
  if (const auto sandboxed = enter_sandbox(); !sandboxed) {
    std::fprintf(stderr, "tocsin-media: %s\n", sandboxed.error().message.c_str());
    return kExitNoSandbox;
  }
  // Not exit(): static destructors are code that no longer needs to run here.
  _exit(serve());
}
