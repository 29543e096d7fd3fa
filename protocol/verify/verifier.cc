#include "protocol/verify/verifier.h"

#include <algorithm>

#include "crypto/hash.h"
#include "protocol/verify/bundle.h"
#include "protocol/verify/chains.h"
#include "protocol/verify/checkpoints.h"
#include "protocol/verify/openings.h"
#include "protocol/verify/tree.h"

namespace tocsin::protocol {
namespace {

constexpr std::uint64_t kMsPerSecond = 1000;

bool is_fixed_file(std::string_view name) {
  return name == kManifestFile || name == kPolicyFile || name == kCheckpointFile ||
         name == kOldCheckpointFile || name == kConsistencyFile || name == kOpeningsFile;
}

class BundleAudit {
 public:
  explicit BundleAudit(const VerifyOptions& options) : options_(options) {}

  Audit run(ByteView archive) {
    audit_.facts.leaves_only = options_.leaves_only;
    const auto opened = Bundle::open(archive);
    if (!opened) {
      report_.tampering(
          "V1.tar", "The bundle is not an archive in its one legal form: " + opened.error().message + ".");
      return std::move(audit_);
    }
    bundle_ = &*opened;
    check_policy_file();
    check_manifest();
    check_ledger();
    return std::move(audit_);
  }

 private:
  void check_policy_file() {
    const auto file = bundle_->find(kPolicyFile);
    if (!file) return report_.missing("V1.absent", "The bundle holds no policy file.");
    if (const auto policy = Policy::parse(as_text(*file)); !policy)
      report_.tampering("V1.policy", "The bundle's policy is malformed: " + policy.error().message + ".");
  }

  void check_manifest() {
    const auto file = bundle_->find(kManifestFile);
    if (!file) return report_.missing("V1.absent", "The bundle holds no manifest.");
    const auto note = parse_note(as_text(*file), kManifestBytesMax);
    if (!note)
      return report_.tampering("V2.manifest", "The manifest is malformed: " + note.error().message + ".");
    const auto manifest = parse_manifest(note->text);
    if (!manifest)
      return report_.tampering("V2.manifest", "The manifest is malformed: " + manifest.error().message + ".");
    manifest_origin_ = manifest->origin;
    // One signature, so that no byte of the manifest stays outside what was signed.
    if (note->signatures.size() != 1)
      report_.tampering("V2.manifest", "The manifest carries other signatures than its ledger's one.");
    std::vector<VerifierKey> keys;
    for (const PolicyLog& log : options_.policy.logs())
      if (log.key.name == manifest->origin) keys.push_back(log.key);
    if (const auto verified = verify_note(*note, keys); !verified)
      report_.tampering("V2.signature",
                        "The manifest's signature does not hold: " + verified.error().message + ".");
    compare_files(*manifest);
  }

  // Both lists are in ascending order, and the archive has the manifest besides.
  void compare_files(const Manifest& manifest) {
    auto line = manifest.files.begin();
    for (const TarFile& file : bundle_->files()) {
      if (file.name == kManifestFile) continue;
      for (; line != manifest.files.end() && line->name < file.name; ++line) report_absent(line->name);
      if (line == manifest.files.end() || line->name != file.name) {
        report_.tampering("V2.unlisted", "The manifest does not list " + std::string(file.name) + ".");
        continue;
      }
      if (crypto::sha256(file.content) != line->sha256)
        report_.tampering("V2.file",
                          std::string(file.name) + " is not the file that the manifest was signed for.");
      ++line;
    }
    for (; line != manifest.files.end(); ++line) report_absent(line->name);
  }

  void report_absent(std::string_view name) {
    report_.missing("V2.absent", "The manifest lists " + std::string(name) + ", which is not in the bundle.");
  }

  void check_ledger() {
    const auto file = bundle_->find(kCheckpointFile);
    if (!file) return report_.missing("V1.absent", "The bundle holds no checkpoint.");
    const auto newest = judge_checkpoint(as_text(*file), options_.policy, report_);
    if (!newest) return;
    const Checkpoint& checkpoint = newest->checkpoint;
    audit_.facts.origin = audit_.facts.name = checkpoint.origin;
    audit_.facts.records = checkpoint.tree.size;
    if (manifest_origin_ && *manifest_origin_ != checkpoint.origin)
      report_.tampering("V3.origin", "The manifest and the checkpoint are of different ledgers.");
    check_file_names(checkpoint.tree.size);
    const auto older = judge_old_checkpoint(*bundle_, checkpoint, options_.policy, report_);
    AuditedTree tree = audit_tree(*bundle_, checkpoint.tree, report_);
    for (const Checkpoint& trusted : options_.trusted)
      if (trusted.origin == checkpoint.origin)
        judge_consistency(trusted, checkpoint, tree.hashes, "The checkpoint you kept", report_);
    if (older)
      judge_consistency(older->checkpoint, checkpoint, tree.hashes, "The bundle's older checkpoint", report_);
    check_records(std::move(tree), time_bounds(*newest, older));
  }

  void check_file_names(std::uint64_t size) {
    for (const TarFile& file : bundle_->files()) {
      if (is_fixed_file(file.name)) continue;
      const auto path = parse_tile_path(file.name);
      if (!path || tile_width(size, path->tile.level, path->tile.index) != path->tile.width)
        report_.tampering("V1.unexpected",
                          std::string(file.name) + " has no place in a bundle of this ledger.");
    }
  }

  std::vector<TimeBound> time_bounds(const JudgedCheckpoint& newest,
                                     const std::optional<JudgedCheckpoint>& older) const {
    std::vector<TimeBound> bounds;
    if (newest.witnessed_s)
      bounds.push_back({newest.checkpoint.tree.size, *newest.witnessed_s * kMsPerSecond});
    if (older && older->witnessed_s)
      bounds.push_back({older->checkpoint.tree.size, *older->witnessed_s * kMsPerSecond});
    if (options_.now_ms) bounds.push_back({newest.checkpoint.tree.size, *options_.now_ms});
    return bounds;
  }

  void check_records(AuditedTree tree, const std::vector<TimeBound>& bounds) {
    audit_chains(tree, bounds, report_);
    if (!options_.leaves_only) check_process(tree);
    audit_.hashes = std::move(tree.hashes);
  }

  void check_process(const AuditedTree& tree) {
    Report breaches;
    Replay replay(breaches);
    const bool whole = audit_openings(*bundle_, tree, report_, [&](const RecordView& record) {
      ++audit_.facts.opened;
      replay.take(record);
    });
    // Without every record a rule may only seem broken.
    if (!whole || !tree.complete) return;
    std::vector<VerifierKey> keys;
    for (const PolicyLog& log : options_.policy.logs()) keys.push_back(log.key);
    audit_.ledger = replay.finish(audit_.facts.origin, keys);
    report_.merge(std::move(breaches));
    count_cases();
  }

  void count_cases() {
    AuditFacts& facts = audit_.facts;
    if (!audit_.ledger.name.empty()) facts.name = audit_.ledger.name;
    for (const auto& [chain, state] : audit_.ledger.cases) {
      const v1::OriginState& origin = state.origin();
      if (origin.submitted_ms() == 0) continue;
      ++facts.signals;
      if (origin.published_ms() != 0) ++facts.published;
      if (origin.retraction_ms() == 0) continue;
      ++facts.retractions;
      facts.recipients += static_cast<std::uint64_t>(origin.recipients_size());
    }
  }

  const VerifyOptions& options_;
  const Bundle* bundle_ = nullptr;
  std::optional<std::string> manifest_origin_;
  Audit audit_;
  Report& report_ = audit_.report;
};

std::string with_commas(std::uint64_t value) {
  std::string digits = std::to_string(value);
  for (std::size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, ",");
  return digits;
}

std::string counted(std::uint64_t count, std::string_view one, std::string_view many) {
  return with_commas(count) + " " + std::string(count == 1 ? one : many);
}

std::string signals_clause(const AuditFacts& facts) {
  if (facts.signals == 0) return "no signals";
  std::string out = counted(facts.signals, "signal", "signals");
  if (facts.published == 0) return out + ", none shared";
  if (facts.published != facts.signals) out += ", " + with_commas(facts.published) + " of them shared";
  return out + (facts.published == 1 ? ", " : ", each ") + "reviewed by a second person before it was shared";
}

std::string retractions_clause(const AuditFacts& facts) {
  const std::string out = counted(facts.retractions, "retraction", "retractions");
  const std::string all = with_commas(facts.recipients);
  if (facts.recipients == 0) return out + ", which nobody had to answer";
  if (facts.recipients_shown == 0)
    return out + ", to be answered by " + all + " (whose ledgers were not given)";
  std::string answered = out + ", answered by " + with_commas(facts.answers) + " of " + all;
  if (facts.recipients_shown != facts.recipients)
    answered += " (" + with_commas(facts.recipients_shown) + " of whose ledgers were given)";
  return answered;
}

}  // namespace

Audit verify_bundle(ByteView archive, const VerifyOptions& options) {
  return BundleAudit(options).run(archive);
}

std::string summary(const Audit& audit) {
  const AuditFacts& facts = audit.facts;
  const std::string name = facts.name.empty() ? "unreadable bundle" : facts.name;
  const std::string records = counted(facts.records, "record", "records");
  const Report& report = audit.report;
  if (report.count(Severity::kTampering) != 0)
    return name + ": do not rely on it, this bundle was altered, forged or damaged (" +
           counted(report.total(), "finding", "findings") + ").";
  if (report.count(Severity::kMissing) != 0)
    return name + ": " + records + ", nothing altered as far as it can be seen, but evidence is missing (" +
           counted(report.total(), "finding", "findings") + ").";
  if (report.count(Severity::kBreach) != 0)
    return name + ": " + records + " intact, but they show that a rule of due process was not kept (" +
           counted(report.total(), "finding", "findings") + ").";
  std::string out = name + ": " + records + " intact";
  if (facts.leaves_only) return out + "; what they say was not asked for.";
  out += "; " + signals_clause(facts);
  if (facts.retractions != 0) out += "; " + retractions_clause(facts);
  return out + ".";
}

Result<Checkpoint> parse_trusted_checkpoint(std::string_view note, const Policy& policy) {
  std::vector<VerifierKey> keys;
  for (const PolicyLog& log : policy.logs()) keys.push_back(log.key);
  TRY_ASSIGN(const OpenedCheckpoint opened, open_checkpoint(note, keys));
  return opened.checkpoint;
}

}  // namespace tocsin::protocol
