#include "node/cli/attested.h"

#include <algorithm>

#include "crypto/random.h"
#include "node/cli/exit_code.h"
#include "protocol/process/attestation.h"

namespace tocsin::cli {
namespace {

using protocol::Event;
using protocol::SlotType;
using protocol::SlotValue;

Result<std::vector<Hash>> hashes_of(const google::protobuf::RepeatedPtrField<std::string>& values) {
  std::vector<Hash> out;
  for (const std::string& value : values) {
    TRY_ASSIGN(const Hash hash, fixed<32>(as_view(value), "an id from the daemon"));
    out.push_back(hash);
  }
  return out;
}

// Slots 13 and 14: chains of our ledger for a batch of ours, signals and their issuer for another node's.
Status add_coverage(const Subject& subject, std::vector<SlotValue>& slots) {
  if (subject.event == Event::kReviewed) {
    if (subject.reply.chains_size() < 2) return {};
    TRY_ASSIGN(std::vector<Hash> chains, hashes_of(subject.reply.chains()));
    slots.push_back(protocol::slot_hashes(protocol::kSlotCovers, std::move(chains)));
    return {};
  }
  TRY_ASSIGN(std::vector<Hash> signals, hashes_of(subject.reply.signals()));
  slots.push_back(protocol::slot_hashes(protocol::kSlotCovers, std::move(signals)));
  slots.push_back(
      protocol::slot_bytes(protocol::kSlotOrigin, SlotType::kHash, as_view(subject.reply.origin())));
  return {};
}

}  // namespace

Result<Subject> resolve_subject(Session& session, const std::vector<std::string>& signals, Event event) {
  if (signals.size() > protocol::kCoversMax) {
    return tocsin::fail(
        usage_error("one record covers at most " + std::to_string(protocol::kCoversMax) + " signals"));
  }
  v1::SubjectRequest request;
  for (const std::string& signal : signals) request.add_signals(signal);
  request.set_event(static_cast<std::uint32_t>(event));
  TRY_ASSIGN(v1::SubjectReply reply, session.daemon().call<v1::SubjectReply>("Subject", request));
  Subject out{event, std::move(reply)};
  if (event == Event::kReviewed && out.reply.origin() != out.reply.issuer())
    out.event = Event::kReceiverReviewed;
  return out;
}

Result<v1::RecordReply> send_attested(Session& session, const Subject& subject, std::vector<SlotValue> slots,
                                      const PersonKey* person, const std::string& facts) {
  TRY(add_coverage(subject, slots));
  std::sort(slots.begin(), slots.end(),
            [](const SlotValue& a, const SlotValue& b) { return a.slot < b.slot; });
  const Secret<32> key = crypto::random_secret<32>();
  if (person != nullptr) {
    protocol::AttestationContext context;
    TRY_ASSIGN(context.issuer, fixed<32>(as_view(subject.reply.issuer()), "the node's fingerprint"));
    TRY_ASSIGN(context.chain, fixed<32>(as_view(subject.reply.chain()), "a chain id"));
    context.event = subject.event;
    TRY_ASSIGN(SlotValue attestation, protocol::attest(context, key.expose(), slots, person->key));
    slots.push_back(std::move(attestation));
  }
  v1::AttestedRequest request;
  request.set_event(static_cast<std::uint32_t>(subject.event));
  request.set_key_a(to_string(key.expose()));
  request.set_slots_a(to_string(protocol::pack_slots(slots)));
  request.set_facts(facts);
  *request.mutable_signals() = subject.reply.signals();
  request.set_batch(subject.reply.batch());
  return session.daemon().call<v1::RecordReply>("Attested", request);
}

}  // namespace tocsin::cli
