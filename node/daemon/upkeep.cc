#include "node/daemon/upkeep.h"

#include <algorithm>
#include <filesystem>

#include "node/backup/backup.h"
#include "node/backup/backup_key.h"
#include "node/log/log.h"
#include "protocol/log/note.h"
#include "protocol/process/registry.h"

namespace tocsin::node {
namespace {

constexpr std::uint64_t kScrubFirstMs = 60'000;
constexpr std::uint64_t kScrubEveryMs = 24ULL * 3600 * 1000;
// About a tenth of a core while a round lasts.
constexpr std::uint64_t kScrubRecords = 256;
constexpr std::uint64_t kScrubPauseMs = 100;
constexpr std::uint64_t kFsckRecords = 65'536;

// The copy of the store while it is packed; gone when this goes.
class CopyDirectory {
 public:
  explicit CopyDirectory(std::string path) : path_(std::move(path)) { remove(); }
  ~CopyDirectory() { remove(); }
  CopyDirectory(const CopyDirectory&) = delete;
  CopyDirectory& operator=(const CopyDirectory&) = delete;
  const std::string& path() const { return path_; }

 private:
  void remove() const {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::string path_;
};

}  // namespace

Result<v1::BackupReply> Upkeep::backup(const v1::BackupRequest& request) {
  if (request.path().empty() || request.path().front() != '/')
    return fail(Code::kInvalidArgument, "the backup's path must be absolute", "backup/path");
  TRY_ASSIGN(const auto recipient, parse_recipient(request.recipient()));
  const std::unique_lock lock(backup_mu_, std::try_to_lock);
  if (!lock) return fail(Code::kUnavailable, "another backup is being written", "backup/busy");
  const CopyDirectory copy(in_.config.data_dir + "/backup-copy");
  // Before the copy, which may then hold more than the manifest says and never less.
  const LedgerHead head = in_.ledger.head();
  TRY(in_.store.copy_to(copy.path()));
  const auto own = in_.descriptor();
  BackupSource source{in_.config.data_dir,
                      copy.path(),
                      in_.config.token_file_path(),
                      {own.name(), protocol::print_fingerprint(own.fingerprint()), in_.runtime.now_ms(),
                       head.tree.size, *head.checkpoint}};
  TRY_ASSIGN(const BackupSummary written, write_backup(source, recipient, request.path()));
  log_event(LogLevel::kInfo, "backup.written",
            {{"path", request.path()}, {"bytes", written.bytes}, {"ledger", head.tree.size}});
  v1::BackupReply reply;
  reply.set_path(request.path());
  reply.set_bytes(written.bytes);
  reply.set_files(written.files);
  reply.set_ledger_size(head.tree.size);
  reply.set_created_ms(written.manifest.created_ms);
  return reply;
}

Result<Fsck> Upkeep::begin_fsck() const {
  const LedgerHead head = in_.ledger.head();
  std::vector<protocol::VerifierKey> keys;
  // Also those that were retired: they signed the older checkpoints.
  for (const auto* key : head.registry->keys()) {
    if (key->role != protocol::KeyRole::kOperational) continue;
    TRY_ASSIGN(auto log_key,
               protocol::make_verifier_key(in_.ledger.origin(), protocol::KeyType::kEd25519, key->key));
    keys.push_back(std::move(log_key));
  }
  TRY_ASSIGN(auto newest, protocol::make_verifier_key(in_.ledger.origin(), protocol::KeyType::kEd25519,
                                                      in_.descriptor().operational_key()));
  if (std::find(keys.begin(), keys.end(), newest) == keys.end()) keys.push_back(std::move(newest));
  return Fsck({in_.store, in_.ledger.origin(), std::move(keys), head.tree.size,
               [this](std::uint64_t index) -> Status {
                 TRY_ASSIGN(const v1::Opening opening, in_.ledger.opening(index));
                 (void)opening;
                 return {};
               }});
}

Result<v1::FsckReply> Upkeep::fsck() {
  TRY_ASSIGN(Fsck round, begin_fsck());
  while (!round.done() && !stopping_) TRY(round.step(kFsckRecords));
  if (!round.done()) return fail(Code::kUnavailable, "the node is stopping", "daemon/stopping");
  const FsckReport& report = round.report();
  v1::FsckReply reply;
  reply.set_records(report.records);
  reply.set_tiles(report.tiles);
  reply.set_checkpoints(report.checkpoints);
  reply.set_bodies(report.bodies);
  reply.set_peer_records(report.peer_records);
  reply.set_problems(report.problems);
  reply.set_lost(report.lost);
  for (const std::string& finding : report.findings) reply.add_findings(finding);
  return reply;
}

void Upkeep::start_scrub() {
  scrub_later(kScrubFirstMs);
}

void Upkeep::scrub_later(std::uint64_t delay_ms) {
  in_.runtime.after(delay_ms, Lane::kWorkers, [this] {
    if (stopping_) return;
    auto round = begin_fsck();
    if (!round) {
      log_failure(LogLevel::kError, "scrub.failed", round.error());
      return scrub_later(kScrubEveryMs);
    }
    scrub_step(std::make_shared<Fsck>(std::move(*round)));
  });
}

void Upkeep::scrub_step(const std::shared_ptr<Fsck>& round) {
  if (stopping_) return;
  if (const Status read = round->step(kScrubRecords); !read) {
    log_failure(LogLevel::kError, "scrub.failed", read.error());
    return scrub_later(kScrubEveryMs);
  }
  if (!round->done()) {
    in_.runtime.after(kScrubPauseMs, Lane::kWorkers, [this, round] { scrub_step(round); });
    return;
  }
  const FsckReport& report = round->report();
  in_.metrics.scrub_problems.set(static_cast<std::int64_t>(report.problems));
  in_.metrics.scrub_rounds.add();
  for (const std::string& finding : report.findings)
    log_event(LogLevel::kError, "scrub.finding", {{"what", finding}});
  log_event(LogLevel::kInfo, "scrub.done", {{"records", report.records}, {"problems", report.problems}});
  scrub_later(kScrubEveryMs);
}

}  // namespace tocsin::node
