#pragma once
// Backups: everything a node needs to rise again on another machine, in one sealed file; and how it comes
// back.
//
// What is in it: "manifest" (text: what and when), "keystore" (sealed under its own passphrase besides),
// "tocsin.toml", "tokens", and "store/…", a consistent copy of the database, without its anchor: the node may
// have signed more since, so a restored directory opens in quarantine (storage/anchor.h). Errors:
// archive.h's; kAlreadyExists "directory/not-empty"; kNotFound, kUnavailable "backup/io". Concurrency: one
// call a path at a time. Source: reliability.md fact 3 of the design.

#include <cstdint>
#include <string>
#include <vector>

#include "crypto/hpke.h"

namespace tocsin::node {

struct BackupManifest {
  std::string name;         // of the node
  std::string fingerprint;  // printed
  std::uint64_t created_ms = 0;
  std::uint64_t ledger_size = 0;
  std::string checkpoint;  // the signed note the copy stands at
};
std::string format_manifest(const BackupManifest& manifest);
Result<BackupManifest> parse_manifest(std::string_view text);

struct BackupSummary {
  BackupManifest manifest;
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;  // of the files; the backup itself when it was written
};

struct BackupSource {
  std::string data_dir;
  std::string store_copy;  // a directory of database files that nobody writes to
  std::string token_file;
  BackupManifest manifest;
};
// Writes `path` whole or not at all, mode 0600, synced; an existing file is refused.
Result<BackupSummary> write_backup(const BackupSource& source, const crypto::KemPublicKey& recipient,
                                   const std::string& path);
// Reads and authenticates every byte.
Result<BackupSummary> verify_backup(const std::string& path, const crypto::KemKey& key);
// Into a new or empty directory; on an error nothing is left in it.
Result<BackupSummary> restore_backup(const std::string& path, const crypto::KemKey& key,
                                     const std::string& into);

}  // namespace tocsin::node
