#include "protocol/process/case_state.h"

#include <random>

#include "protocol/process/effective.h"
#include "tests/protocol/process/sample_ledger.h"
#include "tests/support/catch.h"

namespace tocsin::protocol {
namespace {

using test::filled;
using test::put;
using test::SampleLedger;

const Bytes kIndicator(33, 1);
const Hash kGroup = filled(3);

struct Said {
  const SampleLedger* ledger;
  RecordView record;
};

void fold(v1::Case& state, const Said& said) {
  const FoldContext context = said.ledger->context();
  if (const auto judged = judge(state, said.record, context))
    apply(state, said.record, context);
  else
    refuse(state, said.record, context, judged.error());
}

// An empty case as a node keeps it when a receiver's word may arrive first.
v1::Case named(const Hash& issuer, const Hash& signal) {
  v1::Case state;
  state.set_signal(to_string(signal));
  state.set_issuer(to_string(issuer));
  return state;
}

// Three ledgers that the random tests draw from.
struct Network {
  SampleLedger video{"video.example", 1};
  SampleLedger social{"social.example", 30};
  SampleLedger files{"files.example", 60};
  Hash signal = signal_id(video.self(), kIndicator);
  Hash chain = video.chain_of(signal);
  Hash labels = label_set_hash(std::vector<std::string>{"gore", "terror"});

  Network() { video.set_group(kGroup, 1, {video.self(), social.self(), files.self()}); }

  RecordView origin_record(unsigned kind, std::uint64_t review) {
    switch (kind) {
      case 0:
        return video.submitted(kIndicator);
      case 1:
        return video.reviewed(Event::kReviewed, chain, 1);
      case 2:
        return video.published(chain, kGroup, 1, review);
      case 3:
        return video.retraction(chain);
      case 4:
        return video.reviewed(Event::kReviewed, chain, 2);
      case 5:
        return video.about(Event::kWithdrawn, chain);
      case 6:
        return video.about(Event::kExpired, chain);
      case 7:
        return video.published(chain, filled(0xEE), 1, review);
      default:
        return video.reviewed(Event::kReviewed, chain, 3);
    }
  }
  RecordView receiver_record(SampleLedger& who, unsigned kind) {
    switch (kind) {
      case 0:
        return who.receiver(Event::kReceiverReviewed, video.self(), signal);
      case 1:
        return who.receiver(Event::kDeclined, video.self(), signal);
      case 2:
        return who.receiver(Event::kRetractionApplied, video.self(), signal);
      case 3:
        return who.opinion(video.self(), signal, 3, labels, false);
      case 4:
        return who.opinion(video.self(), signal, 1, labels);
      case 5:
        return who.opinion(video.self(), signal, 3, labels);
      default:
        return who.opinion(video.self(), signal, 3, filled(1), false);
    }
  }
};

TEST_CASE("a submission fills in what the case is about") {
  Network net;
  v1::Case state;
  fold(state, {&net.video, net.video.submitted(
                               kIndicator, [](auto& s) { put(s, slot_number(11, SlotType::kUint, 88)); })});
  CHECK(state.signal() == to_string(net.signal));
  CHECK(state.issuer() == to_string(net.video.self()));
  CHECK(state.indicator() == to_string(kIndicator));
  CHECK(state.quality() == 88);
  CHECK(labels_of(state) == net.labels);
  CHECK(state.origin().submitter_key() == to_string(key_id(net.video.submitter().public_key())));
}

TEST_CASE("a broken rule leaves the case refused, with the rule's name and what it was about") {
  Network net;
  v1::Case state;
  fold(state, {&net.video, net.video.submitted(
                               kIndicator, [](auto& s) { put(s, slot_number(10, SlotType::kTime, 1)); })});
  CHECK(state.origin().phase() == v1::REFUSED);
  CHECK(state.origin().refused_rule() == "R19");
  CHECK(state.indicator() == to_string(kIndicator));

  v1::Case unreviewed;
  fold(unreviewed, {&net.video, net.video.submitted(kIndicator)});
  fold(unreviewed, {&net.video, net.video.published(net.chain, kGroup, 1, 0)});
  CHECK(unreviewed.origin().phase() == v1::REFUSED);
  CHECK(unreviewed.origin().refused_rule() == "R1");
  fold(unreviewed, {&net.video, net.video.retraction(net.chain)});
  CHECK(unreviewed.origin().phase() == v1::RETRACTING);
  CHECK(unreviewed.origin().refused_rule() == "R1");
}

TEST_CASE("a receiver's broken rule changes nothing") {
  Network net;
  v1::Case state = named(net.video.self(), net.signal);
  const std::string before = state.SerializeAsString();
  fold(state,
       {&net.social, net.social.receiver(Event::kRetractionApplied, net.video.self(), net.signal,
                                         [](auto& s) { put(s, slot_number(1, SlotType::kUint, 4)); })});
  CHECK(state.SerializeAsString() == before);
}

TEST_CASE("R13: the receipts that are missing are known, and whether they are overdue") {
  Network net;
  v1::Case state;
  fold(state, {&net.video, net.video.submitted(kIndicator)});
  const RecordView review = net.video.reviewed(Event::kReviewed, net.chain, 1);
  fold(state, {&net.video, review});
  fold(state, {&net.video, net.video.published(net.chain, kGroup, 1, review.index)});
  CHECK(missing_receipts(state, net.video.now()).nodes.empty());
  const RecordView retraction = net.video.retraction(net.chain);
  fold(state, {&net.video, retraction});
  CHECK(missing_receipts(state, net.video.now()).nodes.size() == 2);
  CHECK_FALSE(missing_receipts(state, net.video.now()).overdue);
  CHECK(missing_receipts(state, net.video.now() + 2 * test::kHour).overdue);
  CHECK(effective(state, net.video.self(), net.video.now()).state == "RETRACTING");
  const auto answer = [&](SampleLedger& who, const Hash& leaf) {
    fold(state, {&who, who.receiver(Event::kRetractionApplied, net.video.self(), net.signal,
                                    [&](auto& s) { put(s, slot_bytes(6, SlotType::kHash, leaf)); })});
  };
  answer(net.social, retraction.leaf_hash);
  CHECK(missing_receipts(state, 0).nodes == std::vector<Hash>{net.files.self()});
  answer(net.files, filled(0x55));  // an answer to something else
  CHECK(missing_receipts(state, 0).nodes == std::vector<Hash>{net.files.self()});
  v1::Case all = state;
  all.mutable_receivers(all.receivers(0).node() == to_string(net.files.self()) ? 0 : 1)
      ->set_applied_retraction(to_string(retraction.leaf_hash));
  CHECK(missing_receipts(all, UINT64_MAX).nodes.empty());
  CHECK_FALSE(missing_receipts(all, UINT64_MAX).overdue);
  CHECK(effective(all, net.video.self(), net.video.now()).state == "RETRACTED");
}

TEST_CASE("a member who left between publication and retraction must answer too") {
  Network net;
  v1::Case state;
  fold(state, {&net.video, net.video.submitted(kIndicator)});
  const RecordView review = net.video.reviewed(Event::kReviewed, net.chain, 1);
  fold(state, {&net.video, review});
  fold(state, {&net.video, net.video.published(net.chain, kGroup, 1, review.index)});
  net.video.set_group(kGroup, 2, {net.video.self(), net.social.self(), filled(0xAA)});
  fold(state, {&net.video, net.video.retraction(net.chain)});
  CHECK(state.origin().recipients_size() == 3);
  CHECK(std::is_sorted(state.origin().recipients().begin(), state.origin().recipients().end()));
}

TEST_CASE("in whatever order ledgers arrive, the case is the same") {
  std::mt19937 random(2);
  const auto below = [&](unsigned n) { return static_cast<unsigned>(random() % n); };
  for (unsigned round = 0; round < 300; ++round) {
    Network net;
    std::vector<Said> tapes[3];
    std::uint64_t review = 0;
    for (unsigned i = 0; i < 6; ++i) {
      const unsigned kind = i < 3 && below(4) != 0 ? i : below(9);
      tapes[0].push_back({&net.video, net.origin_record(kind, review)});
      if (kind == 1) review = tapes[0].back().record.index;
      if (below(2) == 0) tapes[1].push_back({&net.social, net.receiver_record(net.social, below(7))});
      if (below(2) == 0) tapes[2].push_back({&net.files, net.receiver_record(net.files, below(7))});
    }
    const auto woven = [&] {
      v1::Case state = named(net.video.self(), net.signal);
      std::size_t at[3] = {0, 0, 0};
      while (at[0] < tapes[0].size() || at[1] < tapes[1].size() || at[2] < tapes[2].size()) {
        const unsigned t = below(3);
        if (at[t] < tapes[t].size()) fold(state, tapes[t][at[t]++]);
      }
      return state.SerializeAsString();
    };
    const std::string first = woven();
    for (unsigned again = 0; again < 4; ++again) REQUIRE(woven() == first);
  }
}

TEST_CASE("ten thousand random histories neither crash nor let a retracted signal alert") {
  std::mt19937 random(1);
  const auto below = [&](unsigned n) { return static_cast<unsigned>(random() % n); };
  Network net;
  // Judging signatures again and again would test nothing more: a few records of each kind are made once.
  std::vector<Said> origin;
  std::vector<Said> receivers;
  for (unsigned kind = 0; kind < 9; ++kind)
    for (unsigned copy = 0; copy < 2; ++copy) {
      const std::uint64_t review = origin.size() > 2 ? origin[2].record.index : 0;
      origin.push_back({&net.video, net.origin_record(kind, review)});
    }
  for (unsigned kind = 0; kind < 7; ++kind) {
    receivers.push_back({&net.social, net.receiver_record(net.social, kind)});
    receivers.push_back({&net.files, net.receiver_record(net.files, kind)});
  }
  unsigned retracted = 0;
  unsigned alerted = 0;
  for (unsigned round = 0; round < 10'000; ++round) {
    v1::Case state = named(net.video.self(), net.signal);
    bool was_retracted = false;
    const unsigned length = 1 + below(12);
    for (unsigned i = 0; i < length; ++i) {
      const bool likely = i < 3 && below(3) != 0;
      const Said& said = likely          ? origin[2 * i]
                         : below(2) == 0 ? origin[below(static_cast<unsigned>(origin.size()))]
                                         : receivers[below(static_cast<unsigned>(receivers.size()))];
      FoldContext context = said.ledger->context();
      context.record_judged = below(8) != 0;
      if (const auto judged = judge(state, said.record, context)) {
        apply(state, said.record, context);
        was_retracted |= said.record.event->event() == Event::kRetractionIssued;
      } else {
        refuse(state, said.record, context, judged.error());
      }
      for (const Hash& self : {net.video.self(), net.social.self(), filled(9)}) {
        const Effective now = effective(state, self, net.video.now());
        REQUIRE_FALSE(now.reason.empty());
        if (was_retracted) REQUIRE(now.handling == Handling::kNone);
        alerted += now.handling == Handling::kAlert;
      }
    }
    retracted += was_retracted;
  }
  CHECK(retracted > 500);
  CHECK(alerted > 500);
}

}  // namespace
}  // namespace tocsin::protocol
