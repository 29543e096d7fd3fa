#include <filesystem>

#include "node/backup/backup.h"
#include "node/backup/backup_key.h"
#include "node/cli/command.h"
#include "node/cli/exit_code.h"
#include "node/cli/session.h"
#include "node/cli/time_text.h"
#include "tocsin/v1/admin.pb.h"

namespace tocsin::cli {
namespace {

std::string whole_path(const std::string& path) {
  return std::filesystem::absolute(path).lexically_normal().string();
}

Result<int> make_key(Session& session, const Arguments& arguments) {
  TRY_ASSIGN(const SecretBytes passphrase, read_secret_file(arguments.text("--passphrase-file")));
  const std::string path = arguments.text("FILE");
  TRY_ASSIGN(const auto key, node::make_backup_key(path, passphrase));
  const std::string recipient = node::format_recipient(key);
  if (session.for_people()) {
    session.print_text(recipient);
    session.io().err << path << " opens what is sealed to this recipient: keep it away from the node\n";
  } else {
    session.print_object(envelope("BackupKey").text("recipient", recipient).text("path", path));
  }
  return static_cast<int>(kDone);
}

Result<int> create(Session& session, const Arguments& arguments) {
  TRY_ASSIGN(const auto recipient, node::parse_recipient(arguments.text("--recipient")));
  v1::BackupRequest request;
  request.set_path(whole_path(arguments.text("FILE")));
  request.set_recipient(node::format_recipient(recipient));
  TRY_ASSIGN(const auto reply, session.daemon().call<v1::BackupReply>("Backup", request, kLongCallSeconds));
  session.print_one("Backup", reply,
                    "✓ " + printable(reply.path()) + "  " + grouped(reply.bytes()) + " bytes  " +
                        grouped(reply.files()) + " files  ledger of " + grouped(reply.ledger_size()) +
                        " entries\nNext: tocsin backup verify " + printable(reply.path()) +
                        " --key BACKUP.key --passphrase-file FILE, where the key is kept\n");
  return static_cast<int>(kDone);
}

Result<crypto::KemKey> key_of(const Arguments& arguments) {
  TRY_ASSIGN(const SecretBytes passphrase, read_secret_file(arguments.text("--passphrase-file")));
  return node::read_backup_key(arguments.text("--key"), passphrase);
}

void print_summary(Session& session, std::string_view kind, const node::BackupSummary& summary,
                   const std::string& next) {
  const node::BackupManifest& manifest = summary.manifest;
  if (!session.for_people()) {
    session.print_object(envelope(kind)
                             .text("name", manifest.name)
                             .text("fingerprint", manifest.fingerprint)
                             .text("created", print_time(manifest.created_ms))
                             .number("ledger_size", manifest.ledger_size)
                             .number("files", summary.files)
                             .number("bytes", summary.bytes)
                             .text("checkpoint", manifest.checkpoint));
    return;
  }
  session.print_text("✓ " + printable(manifest.name) + " as of " + print_time(manifest.created_ms) + "  " +
                     grouped(summary.files) + " files  " + grouped(summary.bytes) + " bytes  ledger of " +
                     grouped(manifest.ledger_size) + " entries\n  key      " +
                     printable(manifest.fingerprint) + "\n" + next);
}

Result<int> verify(Session& session, const Arguments& arguments) {
  TRY_ASSIGN(const crypto::KemKey key, key_of(arguments));
  TRY_ASSIGN(const auto summary, node::verify_backup(arguments.text("FILE"), key));
  print_summary(session, "Backup", summary, {});
  return static_cast<int>(kDone);
}

Result<int> restore(Session& session, const Arguments& arguments) {
  TRY_ASSIGN(const crypto::KemKey key, key_of(arguments));
  const std::string into = whole_path(arguments.text("--into"));
  TRY_ASSIGN(const auto summary, node::restore_backup(arguments.text("FILE"), key, into));
  print_summary(
      session, "Restored", summary,
      "Next: tocsind serve --config " + into + "/tocsin.toml --data-dir " + into +
          "\n  It may have signed more than this copy holds: it starts in quarantine, and gets its newest "
          "records from its peers before it signs, serves or takes anything.\n");
  return static_cast<int>(kDone);
}

Result<int> fsck(Session& session, const Arguments&) {
  TRY_ASSIGN(const auto reply,
             session.daemon().call<v1::FsckReply>("Fsck", v1::FsckRequest(), kLongCallSeconds));
  std::string text = grouped(reply.records()) + " records, " + grouped(reply.tiles()) + " tiles, " +
                     grouped(reply.checkpoints()) + " checkpoints, " + grouped(reply.bodies()) + " bodies, " +
                     grouped(reply.peer_records()) + " records of peers\n";
  if (reply.lost() != 0)
    text += grouped(reply.lost()) + " records came back from peers without their body, which nobody had\n";
  for (const std::string& finding : reply.findings()) text += "✗ " + printable(finding) + "\n";
  text += reply.problems() == 0 ? "✓ everything fits\n"
                                : "✗ " + grouped(reply.problems()) +
                                      " problems: stop the node, keep a copy of its directory, restore a "
                                      "backup\n";
  session.print_one("Fsck", reply, text);
  return static_cast<int>(reply.problems() == 0 ? kDone : kVerificationFailed);
}

}  // namespace

std::vector<Command> backup_commands() {
  const OptionSpec file{"FILE", "", "the backup", Need::kRequired};
  const OptionSpec key{"--key", "FILE", "the key file that `backup key` made", Need::kRequired};
  const OptionSpec passphrase{"--passphrase-file", "FILE", "its first line opens the key file",
                              Need::kRequired};
  return {
      {"backup key",
       "a key pair to seal backups to; the node needs only the line printed",
       {{"FILE", "", "where to put the key; never overwritten", Need::kRequired},
        {"--passphrase-file", "FILE", "its first line seals the key file", Need::kRequired}},
       {"tocsin backup key backup.key --passphrase-file backup.pass > backup.recipient"},
       make_key},
      {"backup create",
       "everything the node needs to rise again, in one sealed file, while it runs",
       {{"FILE", "", "where the daemon writes it; never overwritten", Need::kRequired},
        {"--recipient", "TBK1", "the line that `backup key` printed", Need::kRequired}},
       {"tocsin backup create /srv/backup/2026-11-25.backup --recipient \"$(cat backup.recipient)\""},
       create},
      {"backup verify",
       "read and authenticate every byte of a backup; no daemon needed",
       {file, key, passphrase},
       {"tocsin backup verify 2026-11-25.backup --key backup.key --passphrase-file backup.pass"},
       verify},
      {"backup restore",
       "a backup back into a new directory; no daemon needed",
       {file, {"--into", "DIR", "a new or empty directory", Need::kRequired}, key, passphrase},
       {"tocsin backup restore 2026-11-25.backup --into /var/lib/tocsin-new --key backup.key "
        "--passphrase-file backup.pass"},
       restore},
      {"ledger fsck",
       "read everything stored and say what does not fit",
       {},
       {"tocsin ledger fsck", "tocsin ledger fsck -o json"},
       fsck},
  };
}

}  // namespace tocsin::cli
