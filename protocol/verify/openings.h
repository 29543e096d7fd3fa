#pragma once
// Step V8 of an audit: what the bundle opens must be what the leaves committed to.
//
// Each opening's salts, decoys and roots are recomputed from its keys and values and compared with the leaf's
// body root; only then are its slots read as an event. The file is read once, from front to back, a block of
// leaves at a time, and the openings of a block are judged side by side. Findings: V8.syntax, V8.order,
// V8.index, V8.commitment, V8.flags (tampering), V8.withheld (missing), V8.schema (a breach: the record was
// committed so). Concurrency: one thread, which shares work out to its pool.

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "protocol/process/record.h"
#include "protocol/process/registry.h"
#include "protocol/verify/file_sums.h"
#include "protocol/verify/finding.h"
#include "protocol/verify/scope.h"
#include "protocol/verify/tree.h"
#include "tocsin/v1/record.pb.h"

namespace tocsin::protocol {

// Told of each record whose class A is open and valid, in the ledger's order; the view lasts for the call.
using RecordSink = std::function<Status(const RecordView&)>;

// Whose ledger it is and which keys it has so far: spares the rules an attestation that verifies.
struct KnownKeys {
  const Registry& registry;
  const Hash& issuer;
};

class OpeningsAudit {
 public:
  OpeningsAudit(const Bundle& bundle, const std::optional<Scope>& scope, FileSums& sums, WorkPool& pool,
                Report& report);
  ~OpeningsAudit();

  // The openings of these leaves; `complete` when no leaf was missing so far. An error: the archive cannot be
  // read.
  Status take(const LeafBlock& block, bool complete, const KnownKeys& keys, const RecordSink& sink);
  // Behind the last leaf; `complete` when no leaf was missing.
  Status finish(bool complete);

  // Every record in scope was opened in class A and read: what an auditor must be shown to judge due process.
  bool whole() const { return whole_ && !broken_; }
  std::uint64_t opened() const { return opened_; }
  bool opened_personal() const { return opened_personal_; }

 private:
  struct Work;
  Result<bool> read_one(std::optional<std::uint64_t> below, Work& work);
  Status judge(std::span<Work> works, const LeafBlock& block, const KnownKeys& keys, const RecordSink& sink);
  Status report_work(const Work& work, const RecordSink& sink);
  void tampered(std::string code, std::string text, std::optional<std::uint64_t> index);
  void note_unopened(const LeafBlock& block);
  void flush_run();

  const std::optional<Scope>& scope_;
  WorkPool& pool_;
  FileSums& sums_;
  Report& report_;
  const TarEntry* file_;
  std::optional<FileReader> reader_;
  std::vector<Work> works_;
  std::uint64_t next_ = 0;  // openings come from here on
  std::vector<bool> seen_;  // of the block's leaves: opened, or reported
  std::optional<std::uint64_t>
      run_;  // of records in scope that nothing opens: its first and one past its last
  std::uint64_t run_end_ = 0;
  std::uint64_t opened_ = 0;
  bool opened_personal_ = false;
  bool complete_ = true;  // no leaf was missing
  bool whole_ = true;
  bool broken_ = false;
};

// One opening's bytes in their one legal form.
Result<v1::Opening> parse_opening(ByteView bytes);

}  // namespace tocsin::protocol
