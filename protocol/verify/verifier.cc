#include "protocol/verify/verifier.h"

#include <algorithm>
#include <set>

#include "crypto/base/encoding.h"
#include "crypto/hash.h"
#include "protocol/verify/bundle.h"
#include "protocol/verify/bundle_names.h"
#include "protocol/verify/chains.h"
#include "protocol/verify/checkpoints.h"
#include "protocol/verify/file_sums.h"
#include "protocol/verify/openings.h"
#include "protocol/verify/sshsig.h"
#include "protocol/verify/tree.h"

namespace tocsin::protocol {
namespace {

constexpr std::uint64_t kMsPerSecond = 1000;
constexpr std::uint64_t kDisclosureSlack = 16384;  // what may be sequenced meanwhile

class BundleAudit {
 public:
  BundleAudit(const VerifyOptions& options, std::shared_ptr<const Bundle> bundle)
      : options_(options), bundle_(std::move(bundle)), pool_(options.threads), sums_(*bundle_) {
    audit_.facts.leaves_only = options_.leaves_only;
    for (const PolicyLog& log : options_.policy.logs()) keys_.push_back(log.key);
  }

  Audit run() {
    if (const Status done = steps(); !done) audit_.unreadable = done.error();
    report_.sort();
    return std::move(audit_);
  }

 private:
  // A small file's text; nothing when it is not there or longer than any such file may be.
  Result<std::optional<std::string>> text_of(std::string_view name, std::uint64_t limit) {
    const TarEntry* file = bundle_->find(name);
    if (file == nullptr || file->size > limit) return std::optional<std::string>();
    TRY_ASSIGN(const Bytes bytes, bundle_->read(*file, limit));
    sums_.saw(*file, bytes);
    return std::optional(to_string(bytes));
  }

  Status steps() {
    TRY(check_manifest());
    TRY(check_policy_file());
    TRY(check_scope());
    TRY(check_ledger());
    return sums_.finish(pool_, report_);
  }

  Status check_policy_file() {
    TRY_ASSIGN(const auto text, text_of(kPolicyFile, kPolicyBytesMax));
    if (bundle_->find(kPolicyFile) == nullptr) {
      report_.missing("V1.absent", "The bundle holds no policy file.");
      return {};
    }
    const auto policy = Policy::parse(text.value_or(""));
    if (!policy)
      report_.tampering("V1.policy", "The bundle's policy is malformed: " + policy.error().message + ".");
    return {};
  }

  Status check_manifest() {
    TRY_ASSIGN(const auto text, text_of(kManifestFile, kManifestBytesMax));
    if (!text) {
      report_.missing("V1.absent", "The bundle holds no manifest.");
      return {};
    }
    const auto bad = [&](const Error& error) {
      report_.tampering("V2.manifest", "The manifest is malformed: " + error.message + ".");
    };
    const auto note = parse_note(*text, kManifestBytesMax);
    if (!note) return bad(note.error()), Status();
    const auto manifest = parse_manifest(note->text);
    if (!manifest) return bad(manifest.error()), Status();
    manifest_origin_ = manifest->origin;
    // One signature, so that no byte of the manifest stays outside what was signed.
    if (note->signatures.size() != 1)
      report_.tampering("V2.manifest", "The manifest carries other signatures than its ledger's one.");
    sums_.expect(*manifest, report_);
    return check_signatures(*text, *note);
  }

  Status check_signatures(const std::string& manifest, const Note& note) {
    std::vector<VerifierKey> keys;
    for (const VerifierKey& key : keys_)
      if (key.name == *manifest_origin_) keys.push_back(key);
    const auto verified = verify_note(note, keys);
    if (!verified)
      report_.tampering("V2.signature",
                        "The manifest's signature does not hold: " + verified.error().message + ".");
    TRY_ASSIGN(const auto armored, text_of(kManifestSignatureFile, kSshsigBytesMax));
    if (bundle_->find(kManifestSignatureFile) == nullptr) {
      report_.missing("V1.absent", "The bundle holds no SSH signature of its manifest.");
      return {};
    }
    if (!verified) return {};
    const Status holds =
        verify_sshsig(armored.value_or(""), keys[verified->front().key].key, kManifestNamespace, manifest);
    if (!holds)
      report_.tampering("V2.sshsig",
                        "The manifest's SSH signature does not hold: " + holds.error().message + ".");
    return {};
  }

  Status check_scope() {
    const TarEntry* file = bundle_->find(kScopeFile);
    if (file == nullptr) return {};
    TRY_ASSIGN(const auto text, text_of(kScopeFile, kScopeBytesMax));
    scope_text_ = text.value_or("");
    auto scope = parse_scope(scope_text_);
    if (scope) {
      scope_ = std::move(*scope);
      audit_.facts.scope = scope_words(*scope_);
    } else {
      scope_broken_ = true;
      report_.tampering("V1.scope", "The bundle's scope is malformed: " + scope.error().message + ".");
    }
    return {};
  }

  Status check_ledger() {
    TRY_ASSIGN(const auto note, text_of(kCheckpointFile, kNoteBytesMax));
    if (bundle_->find(kCheckpointFile) == nullptr) {
      report_.missing("V1.absent", "The bundle holds no checkpoint.");
      return {};
    }
    const std::size_t before = report_.total();
    const auto newest = judge_checkpoint(note.value_or(""), options_.policy, report_);
    if (!newest) return {};
    if (report_.total() == before) audit_.checkpoint = *note;
    const Checkpoint& checkpoint = newest->checkpoint;
    audit_.facts.origin = audit_.facts.name = checkpoint.origin;
    audit_.facts.records = checkpoint.tree.size;
    if (manifest_origin_ && *manifest_origin_ != checkpoint.origin)
      report_.tampering("V3.origin", "The manifest and the checkpoint are of different ledgers.");
    if (scope_ && scope_->evidence == Evidence::kRange && scope_->to > checkpoint.tree.size) {
      report_.tampering("V1.scope", "The bundle's scope goes beyond its checkpoint.");
      scope_broken_ = true;
    }
    if (scope_broken_) return {};
    for (const TarEntry& file : bundle_->files())
      if (!has_place(file.name, checkpoint.tree.size, scope_, *bundle_))
        report_.tampering("V1.unexpected", file.name + " has no place in a bundle of this ledger and scope.");
    TRY_ASSIGN(const auto old_note, text_of(kOldCheckpointFile, kNoteBytesMax));
    TRY_ASSIGN(const auto proof, text_of(kConsistencyFile, kNoteBytesMax));
    const auto older = judge_old_checkpoint(old_note, proof, checkpoint, options_.policy, report_);
    TRY_ASSIGN(audit_.seen, seen_checkpoints(*bundle_, options_.policy, sums_));
    return check_records(*note, *newest, older);
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

  // Checkpoints that the newest must go on from, with the words that begin their findings.
  std::vector<std::pair<Checkpoint, std::string>> older_ones(
      const Checkpoint& newest, const std::optional<JudgedCheckpoint>& older) const {
    std::vector<std::pair<Checkpoint, std::string>> out;
    for (const Checkpoint& trusted : options_.trusted)
      if (trusted.origin == newest.origin) out.emplace_back(trusted, "The checkpoint you kept");
    if (older) out.emplace_back(older->checkpoint, "The bundle's older checkpoint");
    for (const Checkpoint& seen : audit_.seen)
      if (seen.origin == newest.origin) out.emplace_back(seen, "A checkpoint that was seen elsewhere");
    return out;
  }

  Status check_records(const std::string& note, const JudgedCheckpoint& newest,
                       const std::optional<JudgedCheckpoint>& older) {
    const Checkpoint& checkpoint = newest.checkpoint;
    const auto older_checkpoints = older_ones(checkpoint, older);
    TreeTask task{checkpoint.tree, note, scope_, {}};
    std::set<std::uint64_t> sizes;
    for (const auto& [kept, whose] : older_checkpoints) sizes.insert(kept.tree.size);
    task.sizes.assign(sizes.begin(), sizes.end());
    LeafReader reader(*bundle_, task, sums_, pool_, report_);
    ChainAudit chains(time_bounds(newest, older), tile_span(checkpoint.tree.size, scope_), scope_,
                      options_.memory_bytes / 4 * 3, report_);
    const std::size_t before = report_.total();
    TRY(read_records(reader, chains));
    for (const auto& [kept, whose] : older_checkpoints) {
      const auto root = reader.roots().find(kept.tree.size);
      judge_consistency(kept, checkpoint,
                        root == reader.roots().end() ? std::nullopt : std::optional(root->second), whose,
                        report_);
      const bool proved = older && older->checkpoint.tree == kept.tree;
      if (root == reader.roots().end() && !proved && kept.tree.size < checkpoint.tree.size)
        audit_.unjoined = true;
    }
    const bool whole = !scope_ || scope_->evidence == Evidence::kTiles;
    audit_.history = std::make_shared<History>(bundle_, checkpoint.tree.size,
                                               whole && reader.complete() && report_.total() == before);
    TRY_ASSIGN(audit_.received,
               judge_receipts({*bundle_, options_.policy, audit_.ledger, *audit_.history}, sums_, report_));
    if (!options_.leaves_only)
      judge_split_views(audit_.seen, checkpoint.origin, audit_.ledger.registry, report_);
    return {};
  }

  Status read_records(LeafReader& reader, ChainAudit& chains) {
    Report breaches;
    Replay replay(
        scope_, [&](const Hash& chain) { return chains.number(chain); }, options_.memory_bytes / 4, breaches);
    OpeningsAudit openings(*bundle_, scope_, sums_, pool_, report_);
    const RecordSink sink = [&](const RecordView& record) {
      note_record(record);
      return replay.take(record);
    };
    const auto found = [&] {
      return report_.count(Severity::kTampering) + report_.count(Severity::kMissing);
    };
    const std::size_t before = found();
    while (true) {
      TRY_ASSIGN(const LeafBlock block, reader.next());
      if (block.leaves.empty()) break;
      TRY(chains.take(block));
      if (options_.leaves_only) continue;
      TRY(openings.take(block, reader.complete(), {replay.registry(), replay.issuer()}, sink));
      for (const IndexEpoch& epoch : std::exchange(epochs_, {})) {
        TRY(chains.judge_index(epoch));
        epoch_by_index_[epoch.index] = epoch;
      }
    }
    if (options_.leaves_only) return {};
    TRY(openings.finish(reader.complete()));
    TRY_ASSIGN(const bool proved, check_index(chains));
    audit_.facts.opened = openings.opened();
    // One forgery breaks a dozen rules: they are judged on evidence that is whole (SPEC §10).
    if (!openings.whole() || !reader.complete() || !proved || found() != before) return {};
    if (openings.opened() != 0 || openings.opened_personal()) check_disclosure(openings.opened_personal());
    const bool judged = !scope_ || scope_->evidence == Evidence::kTiles ||
                        (scope_->evidence == Evidence::kProofs && replay.registry().node_chain() &&
                         scope_->has_chain(*replay.registry().node_chain()));
    if (!judged) return {};
    TRY_ASSIGN(audit_.ledger, replay.finish(audit_.facts.origin, keys_, options_.now_ms));
    report_.merge(std::move(breaches));
    count_cases();
    return {};
  }

  void note_record(const RecordView& record) {
    const ValidEvent& event = *record.event;
    if (event.event() == Event::kIndexEpoch)
      epochs_.push_back({record.index, event.hash(0), event.number(1), event.number(2)});
    ++opened_so_far_;
    last_opened_ = record.index;
    if (event.event() != Event::kDisclosed || event.hash(3) != scope_digest(scope_text_) ||
        event.number(2) < opened_so_far_)
      return;
    for (std::uint64_t classes = 1; classes <= event.number(1); ++classes)
      disclosed_[classes - 1] = record.index;
  }

  void check_disclosure(bool personal) {
    const std::optional<std::uint64_t>& said = disclosed_[personal ? 1 : 0];
    if (said && last_opened_ <= *said + kDisclosureSlack) return;
    report_.breach("V10.disclosure", "R18", "The bundle opens more than the ledger says that it did.",
                   std::nullopt);
  }

  // The files of index/, and in a scope of proofs the ends of the chains listed. False: they do not show
  // them.
  Result<bool> check_index(const ChainAudit& chains) {
    bool proved = true;
    std::set<Hash> shown;
    const std::uint64_t newest = epoch_by_index_.empty() ? UINT64_MAX : epoch_by_index_.rbegin()->first;
    for (const TarEntry& file : bundle_->folder(kIndexFolder)) {
      const auto name = parse_index_name(file.name);
      if (!name) continue;
      TRY_ASSIGN(const Bytes text, bundle_->read(file, std::min<std::uint64_t>(file.size, kNoteBytesMax)));
      sums_.saw(file, text);
      const auto proof = parse_index_proof(as_text(text));
      const auto epoch = epoch_by_index_.find(name->first);
      Status holds;
      if (!proof)
        holds = tl::unexpected<Error>(proof.error());
      else if (epoch == epoch_by_index_.end())
        holds = fail(Code::kNotFound, "its INDEX_EPOCH is not opened");
      else
        holds = verify_index_proof(*proof, name->second, epoch->second);
      if (!holds) {
        proved = false;
        report_.tampering("V7.index-proof", file.name + " does not hold: " + holds.error().message + ".");
        continue;
      }
      if (name->first == newest) shown.insert(name->second);
      TRY_ASSIGN(const bool ends, judge_head(*proof, name->second, epoch->second, chains));
      proved = proved && ends;
    }
    if (!scope_ || scope_->evidence != Evidence::kProofs) return proved;
    for (const Hash& chain : scope_->chains) {
      if (shown.contains(chain)) continue;
      proved = false;
      report_.missing("V7.unproved", "No proof shows where chain " + hex_encode(chain) + " ends.");
    }
    return proved;
  }

  // Of a listed chain every record up to the index's head must be here.
  Result<bool> judge_head(const IndexProof& proof, const Hash& chain, const IndexEpoch& epoch,
                          const ChainAudit& chains) {
    if (!scope_ || scope_->evidence != Evidence::kProofs || !scope_->has_chain(chain)) return true;
    TRY_ASSIGN(const auto head, chains.head(chain));
    if (!proof.present) {
      if (!head || head->index >= epoch.size) return true;
      report_.tampering("V7.cut", "The index does not list a chain that the bundle has records of.",
                        head->index);
      return false;
    }
    const IndexEntry& entry = proof.places[0].entry;
    if (!head || head->seq < entry.last_seq) {
      report_.missing("V7.cut", "The last records of a chain are not in the bundle.", entry.last_index);
      return false;
    }
    if (head->seq > entry.last_seq || (head->index == entry.last_index && head->hash == entry.last_hash))
      return true;
    report_.tampering("V7.cut", "The chain ends in another record than the index says.", head->index);
    return false;
  }

  void count_cases() {
    AuditFacts& facts = audit_.facts;
    if (!audit_.ledger.name.empty()) facts.name = audit_.ledger.name;
    facts.signals = audit_.ledger.signals;
    facts.published = audit_.ledger.published;
    facts.retractions = audit_.ledger.retracted.size();
    for (const Retracted& retracted : audit_.ledger.retracted)
      facts.recipients += retracted.recipients.size();
  }

  const VerifyOptions& options_;
  const std::shared_ptr<const Bundle> bundle_;
  WorkPool pool_;
  FileSums sums_;
  std::vector<VerifierKey> keys_;
  std::optional<std::string> manifest_origin_;
  std::string scope_text_;
  std::optional<Scope> scope_;
  bool scope_broken_ = false;
  std::vector<IndexEpoch> epochs_;  // of the block at hand
  std::map<std::uint64_t, IndexEpoch> epoch_by_index_;
  std::uint64_t opened_so_far_ = 0;
  std::uint64_t last_opened_ = 0;
  // The last DISCLOSED record that covers what was opened up to it: of class A, of both classes.
  std::optional<std::uint64_t> disclosed_[2];
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

Audit verify_bundle(std::shared_ptr<const ByteSource> archive, const VerifyOptions& options) {
  auto opened = Bundle::open(std::move(archive));
  if (opened) return BundleAudit(options, std::make_shared<const Bundle>(std::move(*opened))).run();
  Audit audit;
  audit.facts.leaves_only = options.leaves_only;
  if (opened.error().rule == "bundle/read") {
    audit.unreadable = opened.error();
  } else {
    audit.report.tampering(
        "V1.tar", "The bundle is not an archive in its one legal form: " + opened.error().message + ".");
  }
  return audit;
}

Audit verify_bundle(ByteView archive, const VerifyOptions& options) {
  return verify_bundle(std::make_shared<MemorySource>(to_bytes(archive)), options);
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
  if (!facts.scope.empty()) out += ", of which it opens " + facts.scope;
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
