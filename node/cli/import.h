#pragma once
// A bulk import: rows in batches to the daemon, rejects to a file, progress to standard error.
//
// Guarantee: each batch carries an idempotency key made of its own bytes, so sending it again has one effect;
// an interrupted or failed import is continued by running the same command again. Every row is counted once:
// new, known or rejected. Memory: one batch. Concurrency: one thread; takes SIGINT while it runs.

#include <istream>
#include <string>

#include "node/cli/rows.h"
#include "node/cli/session.h"

namespace tocsin::cli {

inline constexpr int kImportBatch = 500;

struct ImportOptions {
  RowFormat format = RowFormat::kDetect;
  v1::NewSignal defaults;         // for what a row leaves out
  std::string submitter_key;      // key id; empty: the node's own
  std::string rejects_path;       // written when there is a reject
  std::uint64_t input_bytes = 0;  // 0: unknown
  bool dry_run = false;
};

struct ImportCounts {
  std::uint64_t fresh = 0;
  std::uint64_t known = 0;
  std::uint64_t rejected = 0;
  std::uint64_t last_line = 0;  // all rows up to here are accounted for
  bool interrupted = false;
};

// An error stops it: the daemon is gone, the header is wrong, the rejects cannot be written. `counts` tells
// how far it came even then.
Status import_rows(Session& session, std::istream& in, const ImportOptions& options, ImportCounts& counts);

}  // namespace tocsin::cli
