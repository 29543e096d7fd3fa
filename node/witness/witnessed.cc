#include "node/witness/witnessed.h"

#include <algorithm>

#include "node/ledger/changes.h"
#include "node/log/log.h"
#include "protocol/log/text.h"

namespace tocsin::node {
namespace {

constexpr unsigned kOk = 200;
constexpr unsigned kConflict = 409;
constexpr unsigned kBadProof = 422;
constexpr int kTriesMax = 3;  // a size we guessed, the size it told, once more when another was faster
constexpr std::size_t kReasonMax = 200;

std::string id_of(const protocol::VerifierKey& key) {
  return protocol::format_vkey(key);
}

// The size in a 409's body.
std::optional<std::uint64_t> told_size(std::string_view body) {
  const auto line = protocol::take_line(body);
  if (!line || !body.empty()) return std::nullopt;
  const auto size = protocol::parse_decimal(*line);
  return size ? std::optional(*size) : std::nullopt;
}

std::string one_line(std::string text) {
  text = text.substr(0, kReasonMax);
  for (char& c : text)
    if (c < ' ' || c > '~') c = ' ';
  while (!text.empty() && text.back() == ' ') text.pop_back();
  return text;
}

}  // namespace

// One checkpoint on its way around the witnesses; guarded by Witnessed::mu_.
struct Witnessed::Round {
  struct Asking {
    WitnessTarget target;
    int tries = 0;
    std::uint64_t old_size = 0;  // as last asked with
    bool done = false;
    bool cosigned = false;
  };
  protocol::TreeHead tree;
  protocol::Note note;  // the log's signature first
  std::shared_ptr<const protocol::Registry> registry;
  std::vector<Asking> asking;
  std::size_t outstanding = 0;
  bool keeping = false;  // its note is on the way to the store
  bool kept = false;
  bool over = false;
};

Witnessed::Witnessed(Parts parts) : parts_(std::move(parts)), rows_(parts_.store) {}

Status Witnessed::start() {
  TRY_ASSIGN(auto newest, rows_.newest_cosigned());
  if (newest) {
    auto opened = published_note(std::move(newest->note), *parts_.ledger.registry());
    if (!opened || opened->tree.size != newest->size)
      return fail(Code::kDataLoss, "a cosigned checkpoint of ours does not verify", "storage/witness");
    const std::lock_guard lock(mu_);
    cosigned_size_ = newest->size;
    cosigned_ = std::move(*opened);
  }
  schedule(0);
  return {};
}

void Witnessed::stop() {
  const std::lock_guard lock(mu_);
  stopped_ = true;
}

void Witnessed::on_committed() {
  if (!gated()) parts_.moved_on(published());
  const std::uint64_t now = parts_.runtime.now_ms();
  std::uint64_t due = now;
  {
    const std::lock_guard lock(mu_);
    if (round_began_ms_ != 0) due = std::max(now, round_began_ms_ + kRoundEveryMs);
  }
  schedule(due - now);
}

// The policy in force over what was published last, and every later one: all must agree to the next. But what
// was overridden is not asked any more.
std::vector<Witnessed::PolicyPtr> Witnessed::demanded(const protocol::Registry& registry,
                                                      std::uint64_t published_size) const {
  std::vector<PolicyPtr> out;
  const protocol::WitnessPolicy* in_force = registry.witness_policy_at(published_size);
  for (const protocol::WitnessPolicy& policy : registry.witness_policies()) {
    if (&policy != in_force && policy.index < published_size) continue;
    if (&policy != in_force && !policy.override_reason.empty()) out.clear();
    if (policy.policy->asks_witnesses()) out.push_back(policy.policy);
  }
  return out;
}

bool Witnessed::gated() const {
  const auto registry = parts_.ledger.registry();
  if (registry->witness_policies().empty()) return false;
  const std::lock_guard lock(mu_);
  return !demanded(*registry, cosigned_size_).empty();
}

Published Witnessed::published() const {
  const bool held_back = gated();
  const LedgerHead head = parts_.ledger.head();
  const std::lock_guard lock(mu_);
  if (held_back || cosigned_.tree == head.tree) return cosigned_;
  return {head.tree, head.checkpoint};
}

// Every key that ever signed this ledger.
std::vector<protocol::VerifierKey> Witnessed::own_keys(const protocol::Registry& registry) const {
  std::vector<protocol::VerifierKey> out;
  for (const protocol::RegisteredKey* key : registry.keys()) {
    if (key->role != protocol::KeyRole::kOperational) continue;
    auto verifier =
        protocol::make_verifier_key(parts_.ledger.origin(), protocol::KeyType::kEd25519, key->key);
    if (verifier) out.push_back(std::move(*verifier));
  }
  return out;
}

Result<Published> Witnessed::published_note(std::string note, const protocol::Registry& registry) const {
  TRY_ASSIGN(const auto opened, protocol::open_checkpoint(note, own_keys(registry)));
  return Published{opened.checkpoint.tree, std::make_shared<const std::string>(std::move(note))};
}

Published Witnessed::published_for(std::uint64_t from, std::uint64_t known) const {
  Published newest = published();
  const auto registry = parts_.ledger.registry();
  const protocol::WitnessPolicy* in_force = registry->witness_policy_at(from);
  // Readers follow an override by the root key's word.
  for (const protocol::WitnessPolicy& policy : registry->witness_policies())
    if (policy.index >= from && !policy.override_reason.empty()) in_force = &policy;
  if (in_force == nullptr || !in_force->policy->asks_witnesses() || !newest.checkpoint ||
      in_force == &registry->witness_policies().back() ||
      in_force->policy->evaluate(*newest.checkpoint, own_keys(*registry)))
    return newest;
  // The change that follows was cosigned by both quorums, first of all behind it; who knows more of the
  // ledger than that goes on under the checkpoint that it accepted.
  const std::uint64_t first = std::max((in_force + 1)->index + 1, known);
  const auto cosigned = rows_.cosigned_from(first);
  if (!cosigned) return {};
  if (*cosigned && (known < first || (*cosigned)->size == known)) {
    auto shown = published_note((*cosigned)->note, *registry);
    return shown ? std::move(*shown) : Published();
  }
  auto held = parts_.ledger.log().checkpoint(known);
  if (!held || !*held) return {};
  auto shown = published_note(std::move(**held), *registry);
  return shown ? std::move(*shown) : Published();
}

std::vector<WitnessTarget> Witnessed::targets(const protocol::Registry& registry) const {
  std::vector<WitnessTarget> members = parts_.members();
  std::vector<WitnessTarget> out;
  std::vector<PolicyPtr> policies;
  {
    const std::lock_guard lock(mu_);
    policies = demanded(registry, cosigned_size_);
  }
  if (policies.empty() && !registry.witness_policies().empty())
    policies.push_back(registry.witness_policies().back().policy);
  const auto has = [](const std::vector<WitnessTarget>& list, const protocol::VerifierKey& key) {
    return std::find_if(list.begin(), list.end(), [&](const auto& known) { return known.key == key; });
  };
  for (const PolicyPtr& policy : policies)
    for (const protocol::PolicyWitness& witness : policy->witnesses()) {
      if (has(out, witness.key) != out.end()) continue;
      const auto member = has(members, witness.key);
      out.push_back(member != members.end() ? *member
                                            : WitnessTarget{witness.name, witness.key, {}, witness.url});
    }
  for (WitnessTarget& member : members)
    if (has(out, member.key) == out.end()) out.push_back(std::move(member));
  return out;
}

void Witnessed::schedule(std::uint64_t delay_ms) {
  {
    const std::lock_guard lock(mu_);
    if (scheduled_ || stopped_) return;
    scheduled_ = true;
  }
  const auto begin_soon = [this] { begin(); };
  if (delay_ms == 0) return parts_.runtime.post(Lane::kWorkers, begin_soon);
  parts_.runtime.after(delay_ms, Lane::kWorkers, begin_soon);
}

void Witnessed::begin() {
  const LedgerHead head = parts_.ledger.head();
  auto round = std::make_shared<Round>();
  auto note = protocol::parse_note(*head.checkpoint);
  CHECK_INVARIANT(note.has_value());
  round->tree = head.tree;
  round->note = std::move(*note);
  round->registry = head.registry;
  for (WitnessTarget& target : targets(*head.registry)) round->asking.push_back({std::move(target)});
  {
    const std::lock_guard lock(mu_);
    scheduled_ = false;
    if (stopped_ || (round_ && !round_->over)) return;  // settle() looks again
    if (cosigned_size_ == head.tree.size) ask_stragglers(*round);
    if (round->asking.empty()) return;
    round_ = round;
    round_began_ms_ = parts_.runtime.now_ms();
    round->outstanding = round->asking.size();
  }
  for (std::size_t i = 0; i < round->asking.size(); ++i) send(round, i);
  parts_.runtime.after(kRoundMs, Lane::kWorkers, [this, round] {
    {
      const std::lock_guard lock(mu_);
      for (Round::Asking& one : round->asking) {
        if (one.done) continue;
        one.done = true;
        holders_[id_of(one.target.key)].last_error = "it did not answer in time";
      }
      round->outstanding = 0;
    }
    settle(round);
  });
}

// Called with mu_ held. This tree is cosigned: the round adds to that note what those give who did not
// answer.
void Witnessed::ask_stragglers(Round& round) const {
  auto note = cosigned_.checkpoint && cosigned_.tree == round.tree
                  ? protocol::parse_note(*cosigned_.checkpoint)
                  : Result<protocol::Note>(fail(Code::kNotFound, "nothing is cosigned"));
  if (!note) return round.asking.clear();
  round.note = std::move(*note);
  round.kept = true;
  std::erase_if(round.asking, [&](const Round::Asking& asking) {
    return std::any_of(
        round.note.signatures.begin(), round.note.signatures.end(), [&](const auto& signature) {
          return signature.id == asking.target.key.id && signature.name == asking.target.key.name;
        });
  });
}

void Witnessed::send(const RoundPtr& round, std::size_t target) {
  protocol::AddCheckpoint request;
  WitnessTarget whom;
  {
    const std::lock_guard lock(mu_);
    Round::Asking& asking = round->asking[target];
    // An unknown witness is asked as if it had this very checkpoint: it answers what it holds.
    request.old_size = holders_[id_of(asking.target.key)].held.value_or(round->tree.size);
    asking.old_size = request.old_size;
    ++asking.tries;
    request.checkpoint = protocol::format_note(round->note);
    whom = asking.target;
  }
  if (request.old_size > 0 && request.old_size < round->tree.size) {
    auto proof = parts_.ledger.consistency(request.old_size, round->tree.size);
    if (!proof) return answered(round, target, fail(std::move(proof.error())));
    request.proof = std::move(*proof);
  }
  parts_.ask(whom, protocol::format_add_checkpoint(request),
             [this, round, target](Result<CosignAnswer> answer) {
               auto shared = std::make_shared<const Result<CosignAnswer>>(std::move(answer));
               parts_.runtime.post(Lane::kWorkers,
                                   [this, round, target, shared] { answered(round, target, *shared); });
             });
}

void Witnessed::answered(const RoundPtr& round, std::size_t target, const Result<CosignAnswer>& answer) {
  bool again = false;
  std::optional<std::uint64_t> suspicious;
  {
    const std::lock_guard lock(mu_);
    Round::Asking& asking = round->asking[target];
    if (asking.done || round->over) return;
    Holder& holder = holders_[id_of(asking.target.key)];
    if (answer && answer->status == kOk && cosigned(*round, target, answer->body)) {
      asking.cosigned = true;
      holder.held = round->tree.size;
      holder.last_error.clear();
    } else if (answer && answer->status == kConflict) {
      again = ask_again(*round, target, *answer);
      const auto size = told_size(answer->body);
      if (size && !again && (*size > round->tree.size || *size == asking.old_size)) suspicious = size;
    } else {
      holder.held.reset();
      if (!answer)
        holder.last_error = one_line(answer.error().message);
      else if (answer->status != kOk)
        holder.last_error = one_line(std::to_string(answer->status) + " " + answer->body);
    }
    if (answer && answer->status == kBadProof && !answer->held.empty()) suspicious = asking.old_size;
    if (!again) {
      asking.done = true;
      --round->outstanding;
    }
  }
  if (suspicious) suspect(round->asking[target].target, *suspicious, *answer);
  if (again) return send(round, target);
  settle(round);
}

// Called with mu_ held.
bool Witnessed::cosigned(Round& round, std::size_t target, const std::string& lines) {
  const protocol::VerifierKey& key = round.asking[target].target.key;
  Holder& holder = holders_[id_of(key)];
  holder.last_error = "its answer holds no cosignature by its key";
  auto signatures = protocol::parse_signatures(lines);
  if (!signatures) return false;
  for (protocol::NoteSignature& line : *signatures) {
    if (line.id != key.id || line.name != key.name) continue;
    const protocol::Note alone{round.note.text, {line}};
    const auto verified = protocol::verify_note(alone, std::span(&key, 1));
    if (!verified) return false;
    holder.size = round.tree.size;
    holder.time_s = verified->front().time_s;
    // Witnesses of the policy come first among the targets: the others are left out when there is no room.
    if (round.note.signatures.size() <= kCosignaturesMax) round.note.signatures.push_back(std::move(line));
    return true;
  }
  return false;
}

// Called with mu_ held. Whether it may be asked once more, from the size it told.
bool Witnessed::ask_again(Round& round, std::size_t target, const CosignAnswer& answer) {
  Round::Asking& asking = round.asking[target];
  Holder& holder = holders_[id_of(asking.target.key)];
  const auto size = told_size(answer.body);
  if (!size) {
    holder.last_error = "it told no size with its refusal";
    return false;
  }
  if (*size > round.tree.size || *size == asking.old_size) {
    holder.last_error = "it holds " + std::to_string(*size) + " records of another history of ours";
    return false;
  }
  holder.held = *size;
  if (asking.tries < kTriesMax) return true;
  holder.last_error = "it changes faster than it can be asked";
  return false;
}

void Witnessed::suspect(const WitnessTarget& target, std::uint64_t size, const CosignAnswer& answer) {
  Ahead ahead{target.name, size, false, answer.held};
  const LedgerHead head = parts_.ledger.head();
  // A key signs for the records over which it is in force: a retired one proves nothing about later ones.
  const auto held = protocol::open_checkpoint(answer.held, own_keys(*head.registry));
  const auto* signer = held ? head.registry->operational_at(held->checkpoint.tree.size) : nullptr;
  const auto log = protocol::make_verifier_key(parts_.ledger.origin(), protocol::KeyType::kEd25519,
                                               signer == nullptr ? crypto::PublicKey{} : signer->key);
  if (log && protocol::open_checkpoint(answer.held, std::span(&*log, 1))) {
    const protocol::TreeHead& tree = held->checkpoint.tree;
    if (tree.size > head.tree.size) {
      ahead.proven = true;
    } else if (tree.size > 0) {
      protocol::TileNodes nodes(tree.size, parts_.ledger.log().tiles());
      const auto range = protocol::restore_range(tree.size, nodes.nodes());
      ahead.proven = range && range->root() != tree.root;
    }
    ahead.size = tree.size;
  }
  // A shorter history that is ours is nothing to report: the witness was restored, or is confused.
  if (!ahead.proven && ahead.size < head.tree.size) return;
  {
    const std::lock_guard lock(mu_);
    if (std::exchange(holders_[id_of(target.key)].reported, true)) return;
  }
  log_event(LogLevel::kError, "witness.ahead",
            {{"witness", target.name}, {"size", ahead.size}, {"proven", ahead.proven}});
  if (parts_.ahead) parts_.ahead(ahead);
}

// Keeps the note as soon as it is enough, and once more when the last answer has come.
void Witnessed::settle(const RoundPtr& round) {
  std::string note;
  bool again_later = false;
  {
    const std::lock_guard lock(mu_);
    if (round->over || round->keeping) return;
    const auto policies = demanded(*round->registry, cosigned_size_);
    const bool last = round->outstanding == 0;
    std::string candidate = protocol::format_note(round->note);
    const bool enough =
        !policies.empty() && std::all_of(policies.begin(), policies.end(), [&](const PolicyPtr& policy) {
          return policy->evaluate(candidate, own_keys(*round->registry)).has_value();
        });
    const bool extra = policies.empty() && last && round->note.signatures.size() > 1;
    const bool better = round->kept && last && cosigned_.checkpoint && *cosigned_.checkpoint != candidate &&
                        cosigned_.tree == round->tree;
    if ((enough && !round->kept) || (extra && !round->kept) || better) {
      round->keeping = true;
      note = std::move(candidate);
    } else if (last) {
      round->over = true;
      again_later = !round->kept || std::any_of(round->asking.begin(), round->asking.end(),
                                                [](const auto& asking) { return !asking.cosigned; });
    }
  }
  if (!note.empty()) return keep(round, note);
  const std::uint64_t size = parts_.ledger.size();
  bool over = false;
  {
    const std::lock_guard lock(mu_);
    over = round->over;
  }
  if (!over) return;
  if (again_later) return schedule(kRoundAgainMs);
  if (size > round->tree.size) schedule(kRoundEveryMs);
}

void Witnessed::keep(const RoundPtr& round, const std::string& note) {
  Append append;
  append.effects = [size = round->tree.size, note](Changes& changes) -> Status {
    storage::WitnessStore::put_cosigned(changes.batch(), size, note);
    return {};
  };
  parts_.ledger.append(std::move(append), [this, round, note](const Result<Appended>& written) {
    {
      const std::lock_guard lock(mu_);
      round->keeping = false;
      if (written) {
        round->kept = true;
        cosigned_size_ = round->tree.size;
        cosigned_ = {round->tree, std::make_shared<const std::string>(note)};
      } else {
        round->over = true;
      }
    }
    if (written) parts_.moved_on(published());
    settle(round);
  });
}

// Of the first record that no cosigned checkpoint covers.
std::uint64_t Witnessed::behind_s() const {
  constexpr std::uint64_t kMsPerSecond = 1000;
  const LedgerHead head = parts_.ledger.head();
  std::uint64_t covered = 0;
  {
    const std::lock_guard lock(mu_);
    covered = cosigned_size_;
  }
  if (covered >= head.tree.size || targets(*head.registry).empty()) return 0;
  const auto bytes = parts_.ledger.leaf(covered);
  const auto leaf = bytes ? protocol::parse_leaf(*bytes) : fail(bytes.error());
  const std::uint64_t now = parts_.runtime.now_ms();
  return !leaf || now <= leaf->time_ms ? 0 : (now - leaf->time_ms) / kMsPerSecond;
}

Witnessed::Overview Witnessed::overview() const {
  const LedgerHead head = parts_.ledger.head();
  const auto whom = targets(*head.registry);
  const bool held_back = gated();
  Overview out;
  const auto& policies = head.registry->witness_policies();
  if (!policies.empty()) {
    out.policy_text = policies.back().text;
    out.policy = policies.back().policy->asks_witnesses();
    out.overridden = policies.back().override_reason;
  }
  out.behind_s = behind_s();
  const std::lock_guard lock(mu_);
  out.size = cosigned_size_;
  if (cosigned_.checkpoint) {
    std::vector<protocol::VerifierKey> keys;
    for (const WitnessTarget& target : whom) keys.push_back(target.key);
    const auto note = protocol::parse_note(*cosigned_.checkpoint);
    const auto verified = note ? protocol::verify_note(*note, keys) : fail(Code::kDataLoss, "a note");
    for (std::size_t i = 0; verified && i < verified->size(); ++i) {
      const std::uint64_t time = (*verified)[i].time_s;
      out.time_s = out.time_s == 0 ? time : std::min(out.time_s, time);
      ++out.cosignatures;
    }
  }
  std::size_t cosigned_head = 0;
  for (const WitnessTarget& target : whom) {
    WitnessStatus status{target.name, id_of(target.key), target.url, target.is_peer(), false, 0, 0, {}};
    if (!policies.empty())
      for (const protocol::PolicyWitness& witness : policies.back().policy->witnesses())
        status.in_policy = status.in_policy || witness.key == target.key;
    if (const auto holder = holders_.find(status.vkey); holder != holders_.end()) {
      status.size = holder->second.size;
      status.time_s = holder->second.time_s;
      status.last_error = holder->second.last_error;
    }
    if (status.size == head.tree.size) ++cosigned_head;
    out.witnesses.push_back(std::move(status));
  }
  if (held_back && cosigned_size_ < head.tree.size)
    out.missing = "waiting for witnesses: " + std::to_string(cosigned_head) + " cosigned the " +
                  std::to_string(head.tree.size) + " records, and the policy asks for more";
  return out;
}

}  // namespace tocsin::node
