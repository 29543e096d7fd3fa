#include "protocol/verify/replay.h"

#include <algorithm>

#include "protocol/process/attestation.h"
#include "protocol/process/clocks.h"
#include "protocol/process/fold.h"
#include "protocol/process/rules.h"

namespace tocsin::protocol {
namespace {

constexpr std::size_t kStrangersMax = 65536;

// "due-process/R1" to "R1".
std::string short_rule(const std::string& rule) {
  const std::size_t slash = rule.rfind('/');
  return slash == std::string::npos ? rule : rule.substr(slash + 1);
}

std::string sentence(std::string text) {
  if (!text.empty() && text[0] >= 'a' && text[0] <= 'z') text[0] = static_cast<char>(text[0] - 'a' + 'A');
  return text + ".";
}

Hash hash_of(const std::string& bytes) {
  Hash out{};
  if (bytes.size() == out.size()) std::memcpy(out.data(), bytes.data(), out.size());
  return out;
}

// The record names a key that could have attested it, so it is the signature that fails.
bool names_valid_attester(const ValidEvent& event, const Registry& registry, std::uint64_t index) {
  constexpr std::uint8_t kSlotRole = 9;
  if (!event.has(kSlotReviewer)) return false;
  const RegisteredKey* key =
      registry.key_valid_at(event.key_id(kSlotReviewer), event.number(kSlotReviewedAt), index);
  if (key == nullptr || (key->role != KeyRole::kReviewer && key->role != KeyRole::kAppealsOfficer))
    return false;
  const bool officer = key->role == KeyRole::kAppealsOfficer;
  return event.event() == Event::kOpinion || officer == (event.number(kSlotRole) == 2);
}

bool names_issuing_key(Event event) {
  return event == Event::kSubmitted || event == Event::kAmended || event == Event::kRetractionIssued;
}

}  // namespace

Result<v1::Case*> CaseStore::load(std::uint64_t number) {
  number_ = number;
  TRY(parse(number));
  return &scratch_;
}

Status CaseStore::parse(std::uint64_t number) {
  TRY(blobs_.get(number, bytes_));
  scratch_.Clear();
  if (scratch_.ParseFromArray(bytes_.data(), static_cast<int>(bytes_.size()))) return {};
  return fail(Code::kDataLoss, "the audit's temporary file was damaged", "bundle/read");
}

Status CaseStore::save() {
  // What the rules never ask for.
  scratch_.clear_indicator();
  scratch_.clear_labels();
  scratch_.clear_category();
  scratch_.clear_taxonomy();
  scratch_.clear_jurisdiction();
  bytes_.resize(scratch_.ByteSizeLong());
  scratch_.SerializeToArray(bytes_.data(), static_cast<int>(bytes_.size()));
  return blobs_.put(number_, bytes_);
}

Status CaseStore::each(const std::function<void(const v1::Case&)>& take) {
  for (std::uint64_t number = 0; number < blobs_.size(); ++number) {
    TRY(parse(number));
    if (!bytes_.empty()) take(scratch_);
  }
  return {};
}

Replay::Replay(const std::optional<Scope>& scope, ChainNumbers chains, std::size_t memory_bytes,
               Report& report)
    : scope_(scope),
      chains_(std::move(chains)),
      report_(report),
      cases_(memory_bytes / 2),
      stranger_cases_(0),
      received_keys_(2 * sizeof(Hash), 2 * sizeof(Hash), memory_bytes / 4),
      received_(memory_bytes / 4) {}

bool Replay::in_scope(const Hash& chain) const {
  return !scope_ || scope_->has_chain(chain);
}

void Replay::breach(const RecordView& record, const Error& error) {
  report_.breach("V10.rule", short_rule(error.rule), sentence(error.message), record.index);
}

// What a record lacks by itself: keys and signatures are a step of their own.
void Replay::report_alone(const RecordView& record, const Error& error) {
  const std::string rule = short_rule(error.rule);
  const ValidEvent& event = *record.event;
  if (rule == "R2") {
    if (!names_valid_attester(event, ledger_.registry, record.index))
      return report_.breach("V9.key", rule, sentence(error.message), record.index);
    report_.add({"V9.attestation", Severity::kTampering, record.index, rule, sentence(error.message)});
    return;
  }
  if (rule == "R20") return report_.breach("V11.due", rule, sentence(error.message), record.index);
  const bool outside = ledger_.registry.node_chain() != record.leaf.chain;
  if (rule == "R16" && names_issuing_key(event.event()) && outside)
    return report_.breach("V9.key", rule, sentence(error.message), record.index);
  breach(record, error);
}

Status Replay::take(const RecordView& record) {
  ledger_.last_ms = std::max(ledger_.last_ms, record.leaf.time_ms);
  if (is_node_event(record.event->event())) {
    take_node_event(record);
    return {};
  }
  const FoldContext context{ledger_.issuer, ledger_.registry, false, true};
  const Covered covers = covered(record.leaf, *record.event);
  if (const auto judged = judge_record(record, context); !judged) {
    report_alone(record, judged.error());
    return covers.kind == Covered::Kind::kChains ? refuse_all(record, covers, judged.error()) : Status();
  }
  note_claim(record);
  if (covers.kind == Covered::Kind::kChains) return take_origin_event(record, covers);
  if (covers.kind == Covered::Kind::kSignals && !scope_) return take_receiver_event(record, covers);
  return {};
}

Status Replay::refuse_all(const RecordView& record, const Covered& covers, const Error& error) {
  const FoldContext context{ledger_.issuer, ledger_.registry, false, true};
  for (const Hash& chain : covers.ids) {
    if (!in_scope(chain)) continue;
    TRY_ASSIGN(const Place place, place_of(chain));
    if (place.store == nullptr) continue;
    TRY_ASSIGN(v1::Case* const state, place.store->load(place.number));
    (void)protocol::take(*state, record, context, &error);
    TRY(place.store->save());
  }
  return {};
}

void Replay::take_node_event(const RecordView& record) {
  if (record.event->event() == Event::kGenesis && ledger_.registry.self() == nullptr)
    if (const auto self = parse_descriptor(record.event->bytes(0))) ledger_.issuer = self->fingerprint();
  if (const auto judged = ledger_.registry.judge(record, ledger_.issuer); !judged)
    return breach(record, judged.error());
  ledger_.registry.apply(record);
}

Result<Replay::Place> Replay::place_of(const Hash& chain) {
  if (const auto stranger = strangers_.find(chain); stranger != strangers_.end())
    return Place{&stranger_cases_, stranger->second};
  TRY_ASSIGN(const auto known, chains_(chain));
  if (known) return Place{&cases_, *known};
  // Whoever names so many has been reported already.
  if (strangers_.size() == kStrangersMax) return Place{};
  const std::uint64_t number = strangers_.size();
  strangers_[chain] = number;
  return Place{&stranger_cases_, number};
}

Result<std::uint64_t> Replay::number_of(const Hash& origin, const Hash& signal) {
  FixedBytes<2 * sizeof(Hash)> key;
  std::memcpy(key.data(), origin.data(), sizeof(Hash));
  std::memcpy(key.data() + sizeof(Hash), signal.data(), sizeof(Hash));
  TRY_ASSIGN(const KeyedRows::Place place, received_keys_.find_or_add(key));
  return place.number;
}

Status Replay::take_origin_event(const RecordView& record, const Covered& covers) {
  const FoldContext context{ledger_.issuer, ledger_.registry, true, true};
  bool reported = false;  // a batch may break one rule in a thousand cases; one finding says so
  for (const Hash& chain : covers.ids) {
    if (!in_scope(chain)) continue;
    TRY_ASSIGN(const Place place, place_of(chain));
    if (place.store == nullptr) continue;
    TRY_ASSIGN(v1::Case* const state, place.store->load(place.number));
    const auto judged = protocol::take(*state, record, context);
    if (!judged && !std::exchange(reported, true)) breach(record, judged.error());
    TRY(place.store->save());
  }
  return {};
}

Status Replay::take_receiver_event(const RecordView& record, const Covered& covers) {
  const FoldContext context{ledger_.issuer, ledger_.registry, true, true};
  bool reported = false;
  for (const Hash& signal : covers.ids) {
    TRY_ASSIGN(const std::uint64_t number, number_of(covers.origin, signal));
    TRY_ASSIGN(v1::Case* const state, received_.load(number));
    state->set_signal(to_string(signal));
    state->set_issuer(to_string(covers.origin));
    const auto judged = protocol::take(*state, record, context);
    if (!judged && !std::exchange(reported, true)) breach(record, judged.error());
    if (judged && record.event->event() == Event::kRetractionApplied)
      ledger_.answers[{covers.origin, signal}] = {record.event->hash(6), record.index, record.leaf.time_ms};
    TRY(received_.save());
  }
  return {};
}

void Replay::note_claim(const RecordView& record) {
  const ValidEvent& event = *record.event;
  if (event.event() == Event::kReceipt)
    ledger_.claims.push_back({record.index, event.hash(kSlotOrigin), true, event.number(3), event.hash(2)});
  if (event.event() == Event::kRetractionApplied)
    ledger_.claims.push_back({record.index, event.hash(kSlotOrigin), false, event.number(5), event.hash(6)});
}

// The clocks of §6: what the node owed in its matters, and when it did it.
void Replay::judge_clocks(const v1::Case& state, std::uint64_t now_ms) {
  for (const Deadline& owed : deadlines_of(state, ledger_.issuer))
    if (owed.late(now_ms))
      report_.breach("V11.clock", std::string(clock_rule(owed.clock)),
                     "What follows from the record was " +
                         std::string(owed.met_ms ? "done after" : "not done by") +
                         " its deadline: " + std::string(clock_name(owed.clock)) + ".",
                     owed.index);
}

void Replay::note_case(const v1::Case& state) {
  const v1::OriginState& from = state.origin();
  if (from.submitted_ms() == 0) return;
  ++ledger_.signals;
  if (from.published_ms() != 0) ++ledger_.published;
  if (from.retraction_ms() == 0) return;
  Retracted out{hash_of(state.signal()),
                hash_of(from.retraction_leaf()),
                from.retraction_index(),
                from.retraction_due_ms(),
                {}};
  for (const std::string& node : from.recipients()) out.recipients.push_back(hash_of(node));
  ledger_.retracted.push_back(std::move(out));
}

Result<ReplayedLedger> Replay::finish(const std::string& origin, std::span<const VerifierKey> keys,
                                      std::optional<std::uint64_t> now_ms) {
  const std::uint64_t now = now_ms.value_or(ledger_.last_ms);
  TRY(received_.each([&](const v1::Case& state) { judge_clocks(state, now); }));
  for (CaseStore* store : {&cases_, &stranger_cases_})
    TRY(store->each([&](const v1::Case& state) {
      judge_clocks(state, now);
      note_case(state);
    }));
  const ValidDescriptor* self = ledger_.registry.self();
  if (self == nullptr) {
    if (!scope_) report_.tampering("V10.identity", "The ledger has no genesis that stands.", 0);
    return std::move(ledger_);
  }
  ledger_.name = self->name();
  if (self->message().log_origin() != origin)
    report_.tampering("V10.identity", "The ledger's genesis names another origin than its checkpoint.", 0);
  const std::vector<const RegisteredKey*> own = ledger_.registry.keys();
  const bool named = std::any_of(keys.begin(), keys.end(), [&](const VerifierKey& key) {
    return key.name == origin && std::any_of(own.begin(), own.end(), [&](const RegisteredKey* mine) {
             return mine->role == KeyRole::kOperational && mine->key == key.key;
           });
  });
  if (!named)
    report_.tampering("V10.identity",
                      "The ledger's own records name another key than the one that signed it.", 0);
  return std::move(ledger_);
}

}  // namespace tocsin::protocol
