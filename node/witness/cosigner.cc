#include "node/witness/cosigner.h"

#include <algorithm>

#include "node/ledger/changes.h"
#include "node/log/log.h"

namespace tocsin::node {
namespace {

constexpr unsigned kOk = 200;
constexpr unsigned kMalformed = 400;
constexpr unsigned kBadSignature = 403;
constexpr unsigned kUnknownLog = 404;
constexpr unsigned kConflict = 409;
constexpr unsigned kBadProof = 422;
constexpr unsigned kNotNow = 503;

protocol::VerifierKey own_vkey(const std::string& name, const crypto::SigningKey& key) {
  auto vkey = protocol::make_verifier_key(name, protocol::KeyType::kCosignatureV1, key.public_key());
  CHECK_INVARIANT(vkey.has_value());
  return std::move(*vkey);
}

// The note with its log's signatures and no others: what is worth keeping, and bounded.
std::string as_signed_by_log(const protocol::Note& note,
                             const std::vector<protocol::VerifiedSignature>& verified,
                             const std::vector<protocol::VerifierKey>& keys) {
  protocol::Note kept;
  kept.text = note.text;
  for (const protocol::NoteSignature& line : note.signatures) {
    const bool by_log = std::any_of(verified.begin(), verified.end(), [&](const auto& signature) {
      return keys[signature.key].id == line.id && keys[signature.key].name == line.name;
    });
    if (by_log) kept.signatures.push_back(line);
  }
  return protocol::format_note(kept);
}

}  // namespace

// One request that passed all that can be asked without knowing what was cosigned before.
struct Cosigner::Call {
  protocol::AddCheckpoint request;
  protocol::Checkpoint checkpoint;
  std::string text;  // of the note: what is cosigned
  std::string note;  // with the log's signature
  Done done;
  CosignAnswer answer;

  Status refuse(unsigned status, std::string why) {
    answer = {status, std::move(why), {}};
    return fail(Code::kFailedPrecondition, "not cosigned", "witness/refused");
  }
};

Cosigner::Cosigner(Parts parts)
    : parts_(std::move(parts)), vkey_(own_vkey(parts_.name, parts_.key)), rows_(parts_.store) {}

void Cosigner::add_checkpoint(std::string_view body, Done done) {
  const auto refuse = [&](unsigned status, const std::string& why) {
    ++refused_;
    done({status, why + "\n", {}});
  };
  auto request = protocol::parse_add_checkpoint(body);
  if (!request) return refuse(kMalformed, request.error().message);
  const auto note = protocol::parse_note(request->checkpoint);
  if (!note) return refuse(kMalformed, note.error().message);
  const std::string origin = note->text.substr(0, note->text.find('\n'));
  const std::vector<protocol::VerifierKey> keys = parts_.logs(origin);
  if (keys.empty()) return refuse(kUnknownLog, "this witness does not know that log");
  const auto checkpoint = protocol::parse_checkpoint(note->text);
  if (!checkpoint) return refuse(kMalformed, checkpoint.error().message);
  const auto verified = protocol::verify_note(*note, keys);
  if (!verified) return refuse(kBadSignature, verified.error().message);
  if (request->old_size > checkpoint->tree.size)
    return refuse(kMalformed, "the old size is above the checkpoint's");
  auto call = std::make_shared<Call>(Call{std::move(*request),
                                          *checkpoint,
                                          note->text,
                                          as_signed_by_log(*note, *verified, keys),
                                          std::move(done),
                                          {}});
  if (parts_.offered) parts_.offered(call->checkpoint.origin, call->note);
  Append append;
  append.effects = [this, call](Changes& changes) { return decide(changes, *call); };
  parts_.ledger.append(std::move(append),
                       [this, call](const Result<Appended>& written) { finish(*call, written); });
}

Result<Cosigner::Seen*> Cosigner::seen(const std::string& origin) {
  if (const auto found = seen_.find(origin); found != seen_.end()) return &found->second;
  Seen out;
  TRY_ASSIGN(auto note, rows_.seen(origin));
  if (note) {
    const auto damaged = [] {
      return fail(Code::kDataLoss, "what was cosigned of a log does not parse", "storage/witness");
    };
    const auto parsed = protocol::parse_note(*note);
    if (!parsed) return damaged();
    const auto checkpoint = protocol::parse_checkpoint(parsed->text);
    if (!checkpoint || checkpoint->origin != origin) return damaged();
    out = {checkpoint->tree, std::move(*note), true};
  }
  return &seen_.emplace(origin, std::move(out)).first->second;
}

// On the sequencer: what is staged here is in the same commit that `finish` waits for.
Status Cosigner::decide(Changes& changes, Call& call) {
  const protocol::TreeHead& offered = call.checkpoint.tree;
  TRY_ASSIGN(Seen * held, seen(call.checkpoint.origin));
  const auto conflict = [&] {
    const Status refused = call.refuse(kConflict, std::to_string(held->tree.size) + "\n");
    call.answer.held = held->note;
    return refused;
  };
  if (call.request.old_size != held->tree.size) return conflict();
  const bool first = held->note.empty();
  if (first || held->tree.size == 0 || held->tree.size == offered.size) {
    if (!call.request.proof.empty()) return call.refuse(kBadProof, "a proof stands where none is needed\n");
    if (!first && held->tree.size == offered.size && held->tree.root != offered.root) {
      log_event(LogLevel::kError, "witness.conflict",
                {{"origin", call.checkpoint.origin}, {"size", offered.size}});
      if (parts_.conflict) parts_.conflict(call.checkpoint.origin, held->note, call.note);
      return conflict();
    }
  } else if (const auto consistent = protocol::verify_consistency(held->tree, offered, call.request.proof);
             !consistent) {
    const Status refused = call.refuse(kBadProof, consistent.error().message + "\n");
    call.answer.held = held->note;
    return refused;
  }
  if (held->durable && held->tree == offered) return {};
  *held = {offered, call.note, false};
  storage::WitnessStore::put_seen(changes.batch(), call.checkpoint.origin, call.note);
  return {};
}

void Cosigner::finish(Call& call, const Result<Appended>& written) {
  if (!written) {
    ++refused_;
    if (call.answer.status == 0) call.answer = {kNotNow, written.error().message + "\n", {}};
    return call.done(std::move(call.answer));
  }
  if (const auto held = seen_.find(call.checkpoint.origin);
      held != seen_.end() && held->second.tree == call.checkpoint.tree)
    held->second.durable = true;
  constexpr std::uint64_t kMsPerSecond = 1000;
  const auto signature =
      protocol::cosign_note(parts_.key, parts_.name, parts_.runtime.now_ms() / kMsPerSecond, call.text);
  ++cosigned_;
  call.done({kOk, protocol::format_signatures(std::span(&signature, 1)), {}});
}

}  // namespace tocsin::node
