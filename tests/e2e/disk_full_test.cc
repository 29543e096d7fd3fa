// A disk that others have filled (reliability I10), on a small file system of the test's own.
#include <cstdio>
#include <filesystem>
#include <fstream>

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>

#include "tests/e2e/company.h"
#include "tocsin/v1/match.pb.h"

using namespace tocsin;
using namespace tocsin::e2e;

namespace {

void write_line(const char* path, const std::string& text) {
  std::ofstream(path) << text;
}

// A file system of 96 MiB that only this process and its children see; false where that is not allowed.
bool mount_small(const std::string& folder) {
  const uid_t uid = ::getuid();
  const gid_t gid = ::getgid();
  if (::unshare(uid == 0 ? CLONE_NEWNS : CLONE_NEWNS | CLONE_NEWUSER) != 0) return false;
  if (uid != 0) {
    write_line("/proc/self/setgroups", "deny");
    write_line("/proc/self/uid_map", std::to_string(uid) + " " + std::to_string(uid) + " 1");
    write_line("/proc/self/gid_map", std::to_string(gid) + " " + std::to_string(gid) + " 1");
  }
  return ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
         ::mount("tmpfs", folder.c_str(), "tmpfs", 0, "size=96m,mode=0700") == 0;
}

// Somebody else's file takes what is left.
void fill(const std::string& path) {
  const int fd = ::open(path.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
  const std::vector<char> block(1 << 16, 'x');
  for (std::size_t size = block.size(); size > 0; size /= 2)
    while (::write(fd, block.data(), size) > 0) {
    }
  ::close(fd);
}

v1::SignalView shown(const Company& company, const std::string& signal) {
  v1::SignalRequest request;
  request.set_id(signal);
  auto reply = company.call<v1::SignalView>("SignalShow", request);
  return reply ? std::move(*reply) : v1::SignalView();
}

}  // namespace

TEST_CASE("on a full disk reading goes on, writing is refused cleanly, and a retraction is written",
          "[disk_full]") {
  const tests::TempDir dir;
  const std::string disk = dir.file("alpha");
  std::filesystem::create_directory(disk);
  if (!mount_small(disk)) {
    WARN("skipped: no file system may be mounted here");
    return;
  }
  const std::vector<std::string> settings = {"--disk-reserve-mb", "16"};
  Company alpha(dir, "alpha");
  Company beta(dir, "beta");
  alpha.start(settings);
  beta.start();
  make_network(alpha, {&beta});
  const auto signals = reviewed(alpha, dir, {"one", "two"});
  publish(alpha, signals[0]);
  beta.until("the signal has come", [&] { return beta.holds(signals[0]); });
  CHECK(std::filesystem::file_size(disk + "/reserve") == 2 << 20);

  fill(disk + "/others");
  const Finished refused =
      alpha.tocsin({"signal", "submit", "sha256", sha256_of("three"), "--label", "tvec:propaganda"});
  INFO(refused.err);
  CHECK(refused.code == 1);
  CHECK(refused.err.find("[storage/full]") != std::string::npos);
  CHECK(refused.err.find("Fix:") != std::string::npos);
  CHECK(alpha.tocsin({"signal", "publish", signals[1]}).code == 1);
  const auto health = alpha.http("GET", "/healthz");
  CHECK(health.status == 503);
  CHECK(json_field(health.body, "rule") == "storage/full");

  const auto query = [&] {
    v1::MatchRequest request;
    auto& one = *request.add_queries();
    one.set_type("sha256");
    one.set_value(sha256_of("one"));
    const auto reply = alpha.call<v1::MatchReply>("Match", request);
    return reply ? reply->results(0).hits_size() : -1;
  };
  CHECK(query() == 1);
  CHECK(alpha.status().peers_active() == 1);
  CHECK(std::filesystem::exists(disk + "/reserve"));

  const Finished retracted = alpha.tocsin(
      {"signal", "retract", signals[0], "--reason", "false-positive", "--cause", "news footage"});
  INFO(retracted.err);
  CHECK(retracted.code == 0);
  CHECK_FALSE(std::filesystem::exists(disk + "/reserve"));
  CHECK(query() == 0);
  beta.until("the retraction has come", [&] { return shown(beta, signals[0]).state() == "RETRACTED"; });

  std::filesystem::remove(disk + "/others");
  CHECK(alpha.http("GET", "/healthz").status == 200);
  publish(alpha, signals[1]);
  CHECK(std::filesystem::exists(disk + "/reserve"));
  beta.until("the second signal has come", [&] { return beta.holds(signals[1]); });

  // A node that starts on a full disk: the reserve makes room for opening the store, and for the retraction.
  fill(disk + "/others");
  CHECK(alpha.stop() == 0);
  fill(disk + "/more");
  alpha.start(settings);
  CHECK(alpha.http("GET", "/healthz").status == 503);
  CHECK(alpha.tocsin({"token", "create", "desk"}).code == 0);
  CHECK(alpha.tocsin({"signal", "submit", "sha256", sha256_of("four"), "--label", "tvec:propaganda"}).code ==
        1);
  CHECK(alpha.tocsin({"signal", "retract", signals[1], "--reason", "false-positive", "--cause", "again"})
            .code == 0);
  beta.until("the second retraction has come",
             [&] { return shown(beta, signals[1]).state() == "RETRACTED"; });
  std::filesystem::remove(disk + "/others");
  std::filesystem::remove(disk + "/more");
  alpha.until("it has all receipts",
              [&] { return alpha.peer("beta.example").entries() == beta.status().ledger_size(); });
  CHECK(verify(alpha, dir).code == 0);
  CHECK(alpha.stop() == 0);
}
