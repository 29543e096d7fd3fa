#include "protocol/verify/receipts.h"

#include <set>
#include <string>

#include "crypto/base/encoding.h"
#include "protocol/feed/opening.h"
#include "protocol/log/checkpoint.h"
#include "protocol/log/tlog_proof.h"
#include "protocol/verify/openings.h"

namespace tocsin::protocol {
namespace {

constexpr std::uint64_t kProofBytesMax = kNoteBytesMax + 2 * kTlogProofExtraBytesMax;
constexpr const char* kStranger = "bundle/stranger";
constexpr std::size_t kFingerprintText = 2 * sizeof(Hash);

std::vector<VerifierKey> log_keys(const Policy& policy) {
  std::vector<VerifierKey> keys;
  for (const PolicyLog& log : policy.logs()) keys.push_back(log.key);
  return keys;
}

struct Receipt {
  Hash peer{};
  std::string origin;  // of the peer's ledger
  OpenedRecord record;
};

class ReceiptsAudit {
 public:
  ReceiptsAudit(const ReceiptsTask& task, FileSums& sums, Report& report)
      : task_(task), sums_(sums), report_(report), keys_(log_keys(task.policy)) {}

  Result<ReceivedAnswers> run() {
    for (const TarEntry& file : task_.bundle.folder(kReceiptsFolder)) {
      if (!file.name.ends_with(kReceiptProofSuffix)) continue;
      const auto receipt = read(file);
      if (!receipt && receipt.error().rule == kStranger) continue;
      if (!receipt && receipt.error().rule == "bundle/read") return tl::unexpected<Error>(receipt.error());
      if (!receipt) {
        report_.tampering("V12.proof", file.name + " does not hold: " + receipt.error().message + ".");
        continue;
      }
      TRY(judge(file.name, *receipt));
    }
    return std::move(answers_);
  }

 private:
  Result<Bytes> content(const std::string& name, std::uint64_t limit) {
    const TarEntry* file = task_.bundle.find(name);
    if (file == nullptr) return fail(Code::kNotFound, name + " is not in the bundle");
    TRY_ASSIGN(Bytes bytes, task_.bundle.read(*file, limit));
    sums_.saw(*file, bytes);
    return bytes;
  }

  Result<Receipt> read(const TarEntry& file) {
    Receipt out;
    const std::string stem = file.name.substr(0, file.name.size() - kReceiptProofSuffix.size());
    TRY_ASSIGN(const Bytes peer, hex_decode(stem.substr(kReceiptsFolder.size(), kFingerprintText)));
    TRY_ASSIGN(out.peer, fixed<32>(peer, "a peer's fingerprint"));
    TRY_ASSIGN(const Bytes text, content(file.name, kProofBytesMax));
    TRY_ASSIGN(const TlogProof proof, parse_tlog_proof(as_text(text)));
    if (format_tlog_proof(proof) != as_text(text) || !proof.extra)
      return fail(Code::kInvalidArgument, "the proof is not in its one legal form");
    TRY(check_known(proof.checkpoint));
    TRY_ASSIGN(const OpenedCheckpoint checkpoint, open_checkpoint(proof.checkpoint, keys_));
    out.origin = checkpoint.checkpoint.origin;
    TRY_ASSIGN(const Leaf leaf, parse_leaf(*proof.extra));
    const TreeHead& head = checkpoint.checkpoint.tree;
    TRY(verify_inclusion(leaf_hash(*proof.extra), proof.index, head.size, proof.proof, head.root));
    TRY_ASSIGN(const Bytes bytes, content(stem + std::string(kReceiptOpeningSuffix), kOpeningBytesMax));
    TRY_ASSIGN(const v1::Opening opening, parse_opening(bytes));
    TRY_ASSIGN(out.record, verify_opening(opening, leaf));
    if (out.record.index != proof.index || stem.substr(stem.size() - 20) != name_number(proof.index))
      return fail(Code::kInvalidArgument, "proof, opening and name are of different records");
    TRY(check_subject(out));
    return out;
  }

  // What a peer says whom the auditor's policy does not name proves nothing, for or against.
  Status check_known(const std::string& note) const {
    TRY_ASSIGN(const Note parsed, parse_note(note));
    TRY_ASSIGN(const Checkpoint checkpoint, parse_checkpoint(parsed.text));
    for (const VerifierKey& key : keys_)
      if (key.name == checkpoint.origin) return {};
    return fail(Code::kNotFound, "a stranger's ledger", kStranger);
  }

  Status check_subject(const Receipt& receipt) const {
    const ValidEvent& event = receipt.record.event;
    if (event.event() != Event::kReceipt && event.event() != Event::kRetractionApplied)
      return fail(Code::kInvalidArgument, "it is no receipt");
    if (task_.ledger.registry.self() == nullptr) return {};
    if (event.hash(kSlotOrigin) != task_.ledger.issuer)
      return fail(Code::kInvalidArgument, "it says nothing of this ledger");
    const Member* member = task_.ledger.registry.member(receipt.peer);
    if (member != nullptr && member->descriptor.message().log_origin() != receipt.origin)
      return fail(Code::kInvalidArgument, "it is of another ledger than that peer's");
    return {};
  }

  Status judge(const std::string& name, const Receipt& receipt) {
    const OpenedRecord& record = receipt.record;
    const ValidEvent& event = record.event;
    if (!seen_.insert({receipt.origin, record.index}).second) {
      report_.tampering("V12.proof", name + " is a record that comes twice.");
      return {};
    }
    History& history = task_.history;
    if (event.event() == Event::kReceipt) {
      if (!history.whole() || event.number(3) > history.size()) return {};
      TRY_ASSIGN(const Hash root, history.root_at(event.number(3)));
      if (root != event.hash(2))
        report_.tampering("V12.receipt", name + " saw another history than this bundle shows.");
      return {};
    }
    if (history.whole() && event.number(5) < history.size()) {
      TRY_ASSIGN(const Leaf leaf, history.leaf_at(event.number(5)));
      if (leaf_hash(encode_leaf(leaf)) != event.hash(6) ||
          leaf.event != static_cast<std::uint16_t>(Event::kRetractionIssued)) {
        report_.tampering("V12.retraction", name + " answers a retraction that this ledger never issued.");
        return {};
      }
    }
    for (const Hash& signal : event.hashes(kSlotCovers))
      answers_[{receipt.peer, signal}] = {event.hash(6), record.index, record.leaf.time_ms};
    return {};
  }

  const ReceiptsTask& task_;
  FileSums& sums_;
  Report& report_;
  const std::vector<VerifierKey> keys_;
  std::set<std::pair<std::string, std::uint64_t>> seen_;
  ReceivedAnswers answers_;
};

}  // namespace

Result<ReceivedAnswers> judge_receipts(const ReceiptsTask& task, FileSums& sums, Report& report) {
  return ReceiptsAudit(task, sums, report).run();
}

Result<std::vector<Checkpoint>> seen_checkpoints(const Bundle& bundle, const Policy& policy, FileSums& sums) {
  const std::vector<VerifierKey> keys = log_keys(policy);
  std::vector<Checkpoint> out;
  for (const std::string_view folder : {kGossipFolder, kPeersFolder}) {
    for (const TarEntry& file : bundle.folder(folder)) {
      if (file.size > kNoteBytesMax) continue;
      TRY_ASSIGN(const Bytes note, bundle.read(file, kNoteBytesMax));
      sums.saw(file, note);
      if (const auto opened = open_checkpoint(as_text(note), keys)) out.push_back(opened->checkpoint);
    }
  }
  return out;
}

}  // namespace tocsin::protocol
