#include "node/cases/desk.h"

#include <algorithm>

#include "crypto/base/encoding.h"
#include "crypto/hash.h"
#include "protocol/identity/ids.h"
#include "protocol/log/leaf.h"
#include "protocol/process/case_state.h"
#include "protocol/process/clocks.h"
#include "protocol/process/matter.h"
#include "protocol/process/registry.h"

namespace tocsin::node {
namespace {

using protocol::Event;
using protocol::slot_bytes;
using protocol::slot_hashes;
using protocol::slot_labels;
using protocol::slot_number;
using protocol::slot_text;
using protocol::SlotType;
using protocol::SlotValue;

constexpr std::size_t kIdDigits = 16;
constexpr std::uint64_t kAllOfArticle17 = 63;
constexpr std::uint64_t kForEver = 253'402'300'799'999;
constexpr std::uint64_t kReferralMs = 90ULL * 24 * 3600 * 1000;

Hash hash_of(const std::string& bytes) {
  const auto hash = fixed<32>(as_view(bytes), "a stored hash");
  CHECK_INVARIANT(hash.has_value());
  return *hash;
}

Result<SlotValue> choice(Event event, std::uint8_t slot, const std::string& word) {
  TRY_ASSIGN(const std::uint64_t value, protocol::enum_value(event, slot, word));
  return slot_number(slot, SlotType::kEnum, value);
}

std::vector<std::string> words_of(const google::protobuf::RepeatedPtrField<std::string>& words) {
  return {words.begin(), words.end()};
}

// Length before content, so that no two statements have one digest.
Hash statement_digest(std::initializer_list<std::string_view> parts) {
  Bytes all;
  for (const std::string_view part : parts) {
    append_be(all, static_cast<std::uint32_t>(part.size()));
    append(all, as_view(part));
  }
  return crypto::sha256(all);
}

Result<std::optional<IdempotencyKey>> key_of(const std::string& key) {
  if (key.empty()) return std::optional<IdempotencyKey>();
  TRY_ASSIGN(const auto fixed_key, fixed<16>(as_view(key), "an idempotency key"));
  return std::optional(fixed_key);
}

Status check_labels(const std::vector<std::string>& labels, const char* what) {
  constexpr std::size_t kLabelMax = 255;
  for (const std::string& label : labels)
    if (label.size() > kLabelMax)
      return fail(Code::kInvalidArgument, std::string(what) + " is too long", "record/schema");
  return {};
}

}  // namespace

std::string print_appeal(const std::string& id) {
  return hex_encode(as_view(id)).substr(0, kIdDigits);
}
std::string print_action(const std::string& chain) {
  return hex_encode(as_view(chain)).substr(0, kIdDigits);
}

void Desk::note(const v1::Case& value) {
  const bool has = std::any_of(value.receivers().begin(), value.receivers().end(),
                               [](const auto& receiver) { return receiver.matters_size() != 0; });
  const std::lock_guard lock(mu_);
  if (has) with_matters_.insert(hash_of(value.signal()));
}

void Desk::each(const std::function<void(const v1::Case&)>& take) const {
  std::set<Hash> signals;
  {
    const std::lock_guard lock(mu_);
    signals = with_matters_;
  }
  for (const Hash& signal : signals)
    if (const auto value = cases_.get(signal); value && *value) take(**value);
}

Result<Desk::Found> Desk::own_matter(const std::function<std::string(const v1::Matter&)>& id,
                                     const std::string& prefix, const char* what) const {
  constexpr std::size_t kPrefixMin = 4;
  std::vector<Found> found;
  each([&](const v1::Case& state) {
    const v1::ReceiverState* mine = protocol::find_receiver(state, ledger_.self());
    if (mine == nullptr || prefix.size() < kPrefixMin) return;
    for (const v1::Matter& matter : mine->matters())
      if (id(matter).starts_with(prefix)) found.push_back({state, matter});
  });
  if (found.empty())
    return fail(Error{Code::kNotFound,
                      std::string("no ") + what + " here is called " + prefix,
                      std::string(what) + "/unknown",
                      {},
                      "tocsin appeal list --all"});
  if (found.size() > 1)
    return fail(Code::kInvalidArgument, prefix + " fits more than one: give more characters",
                std::string(what) + "/ambiguous");
  return std::move(found.front());
}

Result<Desk::Found> Desk::own_action(const std::string& prefix) const {
  return own_matter(
      [](const v1::Matter& matter) {
        return matter.taken_ms() == 0 ? std::string() : hex_encode(as_view(matter.chain()));
      },
      prefix, "action");
}

Result<Desk::Found> Desk::own_appeal(const std::string& prefix) const {
  return own_matter([](const v1::Matter& matter) { return hex_encode(as_view(matter.appeal())); }, prefix,
                    "appeal");
}

Draft Desk::draft(const v1::Case& state, Event event, const Subject& subject,
                  std::vector<SlotValue> slots) const {
  const bool own = state.issuer() == to_string(ledger_.self());
  std::vector<SlotValue> covers;
  if (own) {
    covers.push_back(slot_hashes(protocol::kSlotCovers, {hash_of(state.origin().chain())}));
  } else {
    covers.push_back(slot_hashes(protocol::kSlotCovers, {hash_of(state.signal())}));
    covers.push_back(slot_bytes(protocol::kSlotOrigin, SlotType::kHash, as_view(state.issuer())));
  }
  const auto place = std::find_if(slots.begin(), slots.end(),
                                  [](const SlotValue& slot) { return slot.slot > protocol::kSlotCovers; });
  slots.insert(place, covers.begin(), covers.end());
  Draft out;
  out.event = event;
  out.subject = subject;
  out.slots = std::move(slots);
  out.audience = signals_.groups_of({state});
  return out;
}

Result<Draft> Desk::notice(const v1::Case& state, const Subject& subject, const Hash& statement,
                           const v1::NoticeRequest& request) const {
  const std::uint64_t now = runtime_.now_ms();
  if (!request.channel().empty()) {
    const auto clocks = protocol::Clocks::at(*ledger_.registry(), ledger_.size());
    TRY_ASSIGN(const SlotValue channel, choice(Event::kNoticeSent, 3, request.channel()));
    std::vector<SlotValue> slots = {
        slot_bytes(0, SlotType::kHash, statement), slot_number(1, SlotType::kUint, kAllOfArticle17),
        slot_number(2, SlotType::kTime, now), channel,
        slot_number(4, SlotType::kTime, now + clocks.ms(protocol::Clock::kComplaintWindow))};
    if (!request.recipient().empty()) slots.push_back(slot_text(16, request.recipient()));
    return draft(state, Event::kNoticeSent, subject, std::move(slots));
  }
  if (request.ground().empty())
    return fail(Error{Code::kInvalidArgument,
                      "say how the person is told, or why not",
                      "action/notice",
                      {},
                      "--notice CHANNEL, or --no-notice GROUND"});
  const bool deferred = request.defer_until_ms() != 0;
  TRY_ASSIGN(const SlotValue ground, choice(Event::kNoticeDeferred, 1, request.ground()));
  return draft(state, Event::kNoticeDeferred, subject,
               {slot_number(0, SlotType::kEnum, deferred ? 1 : 2), ground,
                slot_number(2, SlotType::kTime, deferred ? request.defer_until_ms() : kForEver)});
}

Result<Desk::Action> Desk::act(const v1::ActionRequest& request) const {
  TRY_ASSIGN(const v1::Case state, signals_.find(request.signal()));
  const bool own = state.issuer() == to_string(ledger_.self());
  const v1::ReceiverState* mine = protocol::find_receiver(state, ledger_.self());
  const std::uint64_t review = own               ? state.origin().review_index()
                               : mine == nullptr ? 0
                                                 : mine->review_index();
  const std::vector<std::string> decisions = words_of(request.decisions());
  const std::vector<std::string> contents = words_of(request.content_types());
  const std::vector<std::string> scope = words_of(request.territorial_scope());
  TRY(check_labels(scope, "a territory"));
  TRY(check_labels(decisions, "a decision"));
  TRY(check_labels(contents, "a content type"));
  const Hash statement =
      statement_digest({request.ground_reference(), request.explanation(), request.facts()});
  TRY_ASSIGN(const SlotValue ground, choice(Event::kActionTaken, 1, request.ground()));
  TRY_ASSIGN(const SlotValue category, choice(Event::kActionTaken, 4, request.category()));
  TRY_ASSIGN(const SlotValue source, choice(Event::kActionTaken, 7, request.source_type()));
  TRY_ASSIGN(const SlotValue detection, choice(Event::kActionTaken, 9, request.automated_detection()));
  TRY_ASSIGN(const SlotValue automation, choice(Event::kActionTaken, 10, request.automated_decision()));
  std::vector<SlotValue> slots = {
      slot_labels(0, decisions),
      ground,
      slot_text(2, request.ground_reference()),
      slot_bytes(3, SlotType::kHash, statement),
      category,
      slot_labels(5, contents),
      slot_labels(6, scope),
      source,
      slot_number(8, SlotType::kTime, request.ends_ms() == 0 ? kForEver : request.ends_ms()),
      detection,
      automation,
      slot_number(11, SlotType::kTime, runtime_.now_ms()),
      slot_number(12, SlotType::kUint, review)};
  if (!request.facts().empty()) slots.push_back(slot_text(16, request.facts()));
  if (!request.explanation().empty()) slots.push_back(slot_text(17, request.explanation()));
  if (!request.content_reference().empty()) slots.push_back(slot_text(18, request.content_reference()));
  if (request.content_date_ms() != 0)
    slots.push_back(slot_number(19, SlotType::kTime, request.content_date_ms()));
  FixedBytes<16> fresh;
  runtime_.fill_random(fresh);
  const Subject subject = Subject::of_batch(fresh);
  Action out;
  out.chain = ledger_.chain_of(subject);
  TRY_ASSIGN(out.append.key, key_of(request.idempotency_key()));
  out.append.drafts.push_back(draft(state, Event::kActionTaken, subject, std::move(slots)));
  if (request.has_notice()) {
    TRY_ASSIGN(Draft told, notice(state, subject, statement, request.notice()));
    out.append.drafts.push_back(std::move(told));
  }
  return out;
}

Result<Append> Desk::notify(const v1::NoticeRequest& request) const {
  TRY_ASSIGN(const Found found, own_action(request.action()));
  TRY_ASSIGN(Draft told, notice(found.state, Subject::of_chain(hash_of(found.matter.chain())),
                                hash_of(found.matter.statement()), request));
  Append out;
  out.drafts.push_back(std::move(told));
  return out;
}

Result<v1::ActionReply> Desk::action(const Hash& chain, std::uint64_t index) const {
  TRY_ASSIGN(const Found found, own_action(hex_encode(chain)));
  TRY_ASSIGN(const auto leaf, ledger_.leaf(index));
  v1::ActionReply reply;
  reply.set_action(print_action(found.matter.chain()));
  reply.set_index(index);
  reply.set_puid(base32_encode(protocol::leaf_hash(leaf)));
  reply.set_notice_due_ms(found.matter.notice_due_ms());
  reply.set_redress_until_ms(found.matter.redress_until_ms());
  return reply;
}

Result<Desk::Filed> Desk::file(const v1::AppealFileRequest& request) const {
  TRY_ASSIGN(const Found found, own_action(request.action()));
  if (request.text().empty())
    return fail(Error{Code::kInvalidArgument, "an appeal says why", "appeal/text", {}, "--text-file FILE"});
  TRY_ASSIGN(const SlotValue appellant,
             choice(Event::kAppealReceived, 4,
                    request.appellant().empty() ? "person-affected" : request.appellant()));
  const std::uint64_t now = runtime_.now_ms();
  const auto clocks = protocol::Clocks::at(*ledger_.registry(), ledger_.size());
  Hash appeal;
  runtime_.fill_random(appeal);
  std::vector<SlotValue> slots = {
      slot_bytes(0, SlotType::kHash, appeal),
      slot_number(1, SlotType::kTime, now),
      slot_number(2, SlotType::kTime, now + clocks.ms(protocol::Clock::kAppealDecided)),
      slot_bytes(3, SlotType::kHash, ledger_.self()),
      appellant,
      slot_bytes(5, SlotType::kHash, statement_digest({request.text()})),
      slot_text(16, request.text())};
  if (!request.contact().empty()) slots.push_back(slot_text(17, request.contact()));
  const Subject subject = Subject::of_chain(hash_of(found.matter.chain()));
  Filed out;
  out.appeal = hex_encode(appeal);
  TRY_ASSIGN(out.append.key, key_of(request.idempotency_key()));
  out.append.drafts.push_back(draft(found.state, Event::kAppealReceived, subject, std::move(slots)));
  out.append.drafts.push_back(
      draft(found.state, Event::kAppealAcked, subject,
            {slot_bytes(0, SlotType::kHash, appeal), slot_number(1, SlotType::kTime, now)}));
  return out;
}

Result<v1::AppealSubjectReply> Desk::subject(const std::string& appeal) const {
  TRY_ASSIGN(const Found found, own_appeal(appeal));
  v1::AppealSubjectReply reply;
  const bool own = found.state.issuer() == to_string(ledger_.self());
  reply.set_issuer(to_string(ledger_.self()));
  reply.set_chain(found.matter.chain());
  reply.set_appeal(found.matter.appeal());
  reply.add_covers(own ? found.state.origin().chain() : found.state.signal());
  if (!own) reply.set_origin(found.state.issuer());
  return reply;
}

// REINSTATED, and where the signal is another's OUTCOME_REPORTED to its origin.
void Desk::undo(const Found& found, std::uint64_t cause, bool report, Append& append) const {
  const Subject subject = Subject::of_chain(hash_of(found.matter.chain()));
  const std::uint64_t now = runtime_.now_ms();
  append.correction = true;
  if (found.matter.taken_ms() != 0 && found.matter.reinstated_ms() == 0)
    append.drafts.push_back(
        draft(found.state, Event::kReinstated, subject,
              {slot_number(0, SlotType::kTime, now), slot_number(1, SlotType::kEnum, cause),
               slot_number(2, SlotType::kUint, found.matter.taken_index())}));
  if (report && found.matter.foreign())
    append.drafts.push_back(
        draft(found.state, Event::kOutcomeReported, subject,
              {slot_number(0, SlotType::kTime, now), slot_number(1, SlotType::kEnum, 1)}));
}

Result<Append> Desk::decide(const v1::AppealDecideRequest& request) const {
  constexpr std::uint64_t kUpheld = 1;
  TRY_ASSIGN(const Found found, own_appeal(request.id()));
  Draft decided;
  decided.event = Event::kAppealDecided;
  decided.subject = Subject::of_chain(hash_of(found.matter.chain()));
  TRY_ASSIGN(decided.slots, protocol::unpack_slots(as_view(request.slots_a())));
  if (!request.reasons().empty()) decided.slots.push_back(slot_text(16, request.reasons()));
  TRY_ASSIGN(decided.key_a, fixed<32>(as_view(request.key_a()), "a record's key"));
  decided.audience = signals_.groups_of({found.state});
  TRY_ASSIGN(const auto event, protocol::ValidEvent::parse(decided.event, decided.slots));
  Append out;
  out.drafts.push_back(std::move(decided));
  if (event.number(1) == kUpheld) return out;
  undo(found, 1, true, out);
  if (found.matter.foreign() || found.state.origin().retraction_ms() != 0) return out;
  v1::RetractRequest retract;
  retract.add_signals(protocol::print_signal_id(hash_of(found.state.signal())));
  retract.set_reason("APPEAL_UPHELD");
  retract.set_cause("appeal " + print_appeal(found.matter.appeal()));
  TRY_ASSIGN(Append retraction, signals_.retract(retract));
  for (Draft& more : retraction.drafts) out.drafts.push_back(std::move(more));
  return out;
}

Result<Append> Desk::escalate(const v1::AppealEscalateRequest& request) const {
  TRY_ASSIGN(const Found found, own_appeal(request.id()));
  const Subject subject = Subject::of_chain(hash_of(found.matter.chain()));
  const std::uint64_t now = runtime_.now_ms();
  const SlotValue appeal = slot_bytes(0, SlotType::kHash, as_view(found.matter.appeal()));
  Append out;
  if (request.outcome().empty()) {
    const std::uint64_t due = request.due_ms() == 0 ? now + kReferralMs : request.due_ms();
    out.drafts.push_back(draft(found.state, Event::kDisputeReferred, subject,
                               {appeal, slot_text(1, request.body()), slot_number(2, SlotType::kTime, due),
                                slot_number(3, SlotType::kTime, now)}));
    return out;
  }
  TRY_ASSIGN(const SlotValue outcome, choice(Event::kDisputeOutcome, 2, request.outcome()));
  out.drafts.push_back(
      draft(found.state, request.court() ? Event::kCourtOutcome : Event::kDisputeOutcome, subject,
            {appeal, slot_text(1, request.body()), outcome, slot_number(3, SlotType::kTime, now)}));
  if (request.outcome() == "overturned") undo(found, request.court() ? 3 : 2, true, out);
  return out;
}

}  // namespace tocsin::node
