#include "node/signals/signals.h"

#include <algorithm>
#include <map>
#include <set>

#include "protocol/identity/ids.h"
#include "protocol/process/case_state.h"
#include "protocol/process/effective.h"
#include "protocol/process/registry.h"
#include "protocol/process/rules.h"
#include "protocol/signal/indicator.h"

namespace tocsin::node {
namespace {

using protocol::Event;
using protocol::slot_bytes;
using protocol::slot_hashes;
using protocol::slot_number;
using protocol::slot_text;
using protocol::SlotType;

constexpr std::uint64_t kRetractionDueMs = 3600 * 1000;  // due-process.md: receipt within one hour

Hash hash_of(const std::string& bytes) {
  auto hash = fixed<32>(as_view(bytes), "a stored hash");
  CHECK_INVARIANT(hash.has_value());
  return *hash;
}

bool may_match(const v1::Case& value) {
#if TOCSIN_PLANTED_FAULT == 3  // a retraction that does not stop the matching: the simulation must find it
  if (value.origin().retraction_ms() != 0) return true;
#endif
  return value.origin().phase() == v1::SHAREABLE || value.origin().phase() == v1::LIVE;
}

std::vector<std::vector<Hash>> in_batches(std::vector<Hash> ids) {
  std::vector<std::vector<Hash>> out;
  for (std::size_t at = 0; at < ids.size(); at += protocol::kCoversMax)
    out.emplace_back(
        ids.begin() + static_cast<std::ptrdiff_t>(at),
        ids.begin() + static_cast<std::ptrdiff_t>(std::min(ids.size(), at + protocol::kCoversMax)));
  return out;
}

}  // namespace

Status Signals::rebuild(const std::function<void(const v1::Case&)>& each) {
  return signals_.each_indicator(0, [this, &each](ByteView bytes, const Hash& signal) {
    const auto value = signals_.get(signal);
    if (each && value && *value) each(**value);
    const auto indicator = protocol::decode_indicator(bytes);
    if (value && *value && indicator && may_match(**value)) index_.insert(signal, *indicator);
    return true;
  });
}

void Signals::on_committed(const Ledger::Committed& committed) {
  for (const v1::Case& value : committed.changed) {
    const Hash signal = hash_of(value.signal());
    if (!may_match(value)) {
      index_.remove(signal);
    } else if (auto indicator = protocol::decode_indicator(as_view(value.indicator()))) {
      index_.insert(signal, *indicator);
    }
  }
}

Result<v1::Case> Signals::find(const std::string& id) const {
  TRY_ASSIGN(const protocol::SignalRange range, protocol::parse_signal_prefix(id));
  TRY_ASSIGN(auto cases, signals_.list({}, &range.low, 2));
  // The range's own lower end is excluded by "above": look it up by itself.
  TRY_ASSIGN(auto exact, signals_.get(range.low));
  if (exact) cases.insert(cases.begin(), std::move(*exact));
  std::erase_if(cases, [&](const v1::Case& value) { return !range.contains(hash_of(value.signal())); });
  if (cases.empty())
    return fail(
        Error{Code::kNotFound, "no signal here is called " + id, "signal/unknown", {}, "tocsin signal list"});
  if (cases.size() > 1)
    return fail(Code::kInvalidArgument, id + " fits more than one signal: give more characters",
                "signal/ambiguous");
  return std::move(cases.front());
}

Result<std::vector<v1::Case>> Signals::find_all(
    const google::protobuf::RepeatedPtrField<std::string>& ids) const {
  std::map<std::string, v1::Case> found;
  for (const std::string& id : ids) {
    TRY_ASSIGN(v1::Case value, find(id));
    found.insert_or_assign(value.signal(), std::move(value));
  }
  if (found.empty()) return fail(Code::kInvalidArgument, "name at least one signal", "signal/none");
  std::vector<v1::Case> out;
  for (auto& [id, value] : found) out.push_back(std::move(value));
  return out;
}

std::vector<Hash> Signals::groups_of(const std::vector<v1::Case>& cases) const {
  std::set<Hash> groups;
  for (const v1::Case& value : cases)
    for (const std::string& group : value.origin().groups()) groups.insert(hash_of(group));
  return {groups.begin(), groups.end()};
}

Result<v1::SubjectReply> Signals::subject(const v1::SubjectRequest& request) const {
  TRY_ASSIGN(const auto cases, find_all(request.signals()));
  v1::SubjectReply reply;
  reply.set_issuer(to_string(ledger_.self()));
  reply.set_origin(cases.front().issuer());
  for (const v1::Case& value : cases) {
    if (value.issuer() != reply.origin())
      return fail(Code::kInvalidArgument, "these signals are not all of one company: review them apart",
                  "signal/origin");
    reply.add_signals(value.signal());
    reply.add_chains(to_string(ledger_.chain_of(Subject::of_signal(hash_of(value.signal())))));
  }
  if (cases.size() == 1) {
    reply.set_chain(reply.chains(0));
  } else {
    FixedBytes<16> batch;
    runtime_.fill_random(batch);
    reply.set_batch(to_string(batch));
    reply.set_chain(to_string(ledger_.chain_of(Subject::of_batch(batch))));
  }
  reply.set_label_set(to_string(protocol::labels_of(cases.front())));
  return reply;
}

Result<Append> Signals::attested(const v1::AttestedRequest& request) const {
  const auto event = protocol::event_from_code(static_cast<std::uint16_t>(request.event()));
  if (!event ||
      (*event != Event::kReviewed && *event != Event::kReceiverReviewed && *event != Event::kOpinion))
    return fail(Code::kInvalidArgument, "this kind of record is not attested by a person", "record/schema");
  if (request.signals().empty())
    return fail(Code::kInvalidArgument, "name at least one signal", "signal/none");
  Draft draft;
  draft.event = *event;
  TRY_ASSIGN(draft.slots, protocol::unpack_slots(as_view(request.slots_a())));
  if (!request.facts().empty()) draft.slots.push_back(slot_text(16, request.facts()));
  TRY_ASSIGN(draft.key_a, fixed<32>(as_view(request.key_a()), "a record's key"));
  std::vector<v1::Case> cases;
  for (const std::string& signal : request.signals()) {
    TRY_ASSIGN(const Hash id, fixed<32>(as_view(signal), "a signal id"));
    TRY_ASSIGN(auto found, signals_.get(id));
    if (!found)
      return fail(Code::kNotFound, "no signal here is called " + protocol::print_signal_id(id),
                  "signal/unknown");
    cases.push_back(std::move(*found));
  }
  if (cases.size() == 1) {
    draft.subject = Subject::of_signal(hash_of(cases.front().signal()));
  } else {
    TRY_ASSIGN(const auto batch, fixed<16>(as_view(request.batch()), "a batch's number"));
    draft.subject = Subject::of_batch(batch);
  }
  if (*event != Event::kReviewed) draft.audience = groups_of(cases);
  Append out;
  out.drafts.push_back(std::move(draft));
  return out;
}

Result<Append> Signals::publish(const v1::PublishRequest& request) const {
  TRY_ASSIGN(const auto cases, find_all(request.signals()));
  TRY_ASSIGN(const auto network, members_.network());
  if (!network)
    return fail(Error{Code::kFailedPrecondition,
                      "this node belongs to no network to publish to",
                      "network/none",
                      {},
                      "tocsin network create or join"});
  const auto registry = ledger_.registry();
  const Hash group = hash_of(network->id());
  const protocol::GroupEpoch* epoch = registry->current_group(group);
  if (epoch == nullptr)
    return fail(Code::kUnavailable, "the network's group has not reached us yet", "network/group");
  if (!request.group().empty() && request.group() != epoch->name)
    return fail(Code::kNotFound, "no group is called " + request.group(), "network/group");
  struct Part {
    std::vector<Hash> signals;
    std::uint64_t expires_ms = UINT64_MAX;
  };
  std::map<std::uint64_t, Part> by_review;
  for (const v1::Case& value : cases) {
    Part& part = by_review[value.origin().review_index()];
    part.signals.push_back(hash_of(value.signal()));
    part.expires_ms = std::min(part.expires_ms, value.origin().valid_until_ms());
  }
  Append out;
  for (auto& [review, part] : by_review) {
    for (const std::vector<Hash>& batch : in_batches(std::move(part.signals))) {
      Draft draft;
      draft.event = Event::kPublished;
      draft.slots = {
          slot_bytes(0, SlotType::kHash, group),
          slot_number(1, SlotType::kUint, epoch->epoch),
          slot_number(2, SlotType::kUint, review),
          slot_text(3, request.purpose().empty() ? "prevent re-upload" : request.purpose()),
          slot_number(4, SlotType::kEnum, request.tlp() == 0 ? 3 : request.tlp()),
          slot_number(5, SlotType::kEnum, request.permitted_use() == 0 ? 2 : request.permitted_use()),
          slot_number(6, SlotType::kUint, request.hop_limit()),
          slot_number(7, SlotType::kTime,
                      request.expires_ms() == 0 ? part.expires_ms : request.expires_ms())};
      if (batch.size() == 1) {
        draft.subject = Subject::of_signal(batch.front());
      } else {
        draft.subject.kind = Subject::Kind::kBatch;
        runtime_.fill_random(draft.subject.batch);
        std::vector<Hash> chains;
        for (const Hash& signal : batch) chains.push_back(ledger_.chain_of(Subject::of_signal(signal)));
        draft.slots.push_back(slot_hashes(protocol::kSlotCovers, std::move(chains)));
      }
      out.drafts.push_back(std::move(draft));
    }
  }
  return out;
}

Result<Append> Signals::retract(const v1::RetractRequest& request) const {
  TRY_ASSIGN(const auto cases, find_all(request.signals()));
  TRY_ASSIGN(const std::uint64_t reason, protocol::enum_value(Event::kRetractionIssued, 0, request.reason()));
  const auto registry = ledger_.registry();
  const protocol::FoldContext context{ledger_.self(), *registry, false, true};
  Append out;
  out.correction = true;
  for (const v1::Case& value : cases) {
    if (value.issuer() != to_string(ledger_.self()))
      return fail(Error{Code::kPermissionDenied,
                        "only " + name_of(value.issuer()) + " can retract its signal",
                        "signal/issuer",
                        {},
                        "tocsin signal opine SIGNAL --disagree"});
    Draft draft;
    draft.event = Event::kRetractionIssued;
    draft.subject = Subject::of_signal(hash_of(value.signal()));
    draft.slots = {
        slot_number(0, SlotType::kEnum, reason),
        slot_text(1, request.cause().empty() ? "not stated" : request.cause()),
        slot_bytes(2, SlotType::kHash,
                   protocol::recipient_set_digest(protocol::recipients_of(value, context, ledger_.size()))),
        slot_number(3, SlotType::kTime, runtime_.now_ms() + kRetractionDueMs),
        slot_bytes(8, SlotType::kKeyId, protocol::key_id(registry->self()->operational_key()))};
    out.drafts.push_back(std::move(draft));
  }
  return out;
}

Result<Append> Signals::expire() const {
  constexpr std::size_t kExpireMax = 1000;
  TRY_ASSIGN(const auto due, signals_.due(runtime_.now_ms(), kExpireMax));
  Append out;
  for (const Hash& signal : due) {
    TRY_ASSIGN(const auto value, signals_.get(signal));
    if (!value || value->issuer() != to_string(ledger_.self()) || !may_match(*value)) continue;
    Draft draft;
    draft.event = Event::kExpired;
    draft.subject = Subject::of_signal(signal);
    draft.slots = {slot_text(0, "valid until"), slot_number(1, SlotType::kTime, runtime_.now_ms())};
    out.drafts.push_back(std::move(draft));
  }
  return out;
}

}  // namespace tocsin::node
