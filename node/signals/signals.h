#pragma once
// Signals: what a person or a platform does with signals here: submit, review, publish, opine, retract, look
// up.
//
// Every change is an Append for the caller to commit; the rules judge it again where it is sequenced. The
// match index follows the commits: on_committed() is the ledger's listener, so a retraction has left the
// index before anybody is told that it is durable. Errors: kInvalidArgument, kNotFound, kFailedPrecondition;
// rules "signal/...", "due-process/...". Concurrency: any thread; on_committed() on the sequencer. Source:
// SPEC §4, §6; due-process.md.

#include <functional>
#include <string>
#include <vector>

#include "node/ledger/ledger.h"
#include "node/members/members.h"
#include "protocol/process/effective.h"
#include "storage/index/match_index.h"
#include "storage/signal_store.h"
#include "tocsin/v1/admin.pb.h"
#include "tocsin/v1/match.pb.h"

namespace tocsin::node {

inline constexpr int kSubmitMax = 1000;  // signals of one request
inline constexpr int kMatchQueriesMax = 1000;
inline constexpr std::size_t kListMax = 1000;

struct MatchSettings {
  unsigned radius = storage::kPdqRadiusDefault;  // 0..64
  unsigned quality_gate = 50;                    // PDQ below it is not looked up
};

// "2026-01-31T12:00:00Z".
std::string rfc3339(std::uint64_t ms);

class Signals {
 public:
  Signals(storage::Store& store, Ledger& ledger, Runtime& runtime, const Members& members,
          MatchSettings settings)
      : signals_(store),
        peers_(store),
        store_(store),
        ledger_(ledger),
        runtime_(runtime),
        members_(members),
        settings_(settings) {}

  // Before the ledger takes anything: fills the index from the projections.
  // `each` is shown every case that is found by its indicator.
  Status rebuild(const std::function<void(const v1::Case&)>& each = nullptr);
  void on_committed(const Ledger::Committed& committed);
  std::size_t matching() const { return index_.size(); }

  struct Submission {
    Append append;          // drafts of the new ones, in the order of the items
    v1::SubmitReply reply;  // NEW items lack their index until it is durable
  };
  Result<Submission> submit(const v1::SubmitRequest& request) const;
  Result<v1::SubjectReply> subject(const v1::SubjectRequest& request) const;
  Result<Append> attested(const v1::AttestedRequest& request) const;
  Result<Append> publish(const v1::PublishRequest& request) const;
  Result<Append> retract(const v1::RetractRequest& request) const;
  // Our own signals whose time is up; no drafts when there are none.
  Result<Append> expire() const;

  Result<v1::MatchReply> match(const v1::MatchRequest& request) const;
  Result<v1::SignalView> view(const std::string& id) const;
  Result<v1::SignalListReply> list(const v1::SignalListRequest& request) const;
  Result<v1::SignalListReply> queue(std::uint32_t limit) const;  // what waits for a review here
  // Every record about it in every ledger held, and the receipts for what brought it.
  Result<v1::HistoryReply> history(const std::string& id) const;

  // The case of a signal by any unambiguous beginning of its id.
  Result<v1::Case> find(const std::string& id) const;
  // A node as people know it.
  std::string name_of(const std::string& fingerprint) const;
  // Through which groups the cases were shared.
  std::vector<Hash> groups_of(const std::vector<v1::Case>& cases) const;

 private:
  Result<protocol::SlotValue> submitter(const v1::SubmitRequest& request) const;
  Result<Draft> draft_of(const v1::NewSignal& signal, const protocol::SlotValue& submitter, Hash& id) const;
  Result<std::vector<v1::Case>> find_all(const google::protobuf::RepeatedPtrField<std::string>& ids) const;
  protocol::Effective now_of(const v1::Case& value) const;
  v1::SignalView view_of(v1::Case value) const;
  Result<v1::MatchHit> hit_of(const storage::IndexHit& hit) const;

  const storage::SignalStore signals_;
  const storage::PeerStore peers_;
  storage::Store& store_;
  Ledger& ledger_;
  Runtime& runtime_;
  const Members& members_;
  const MatchSettings settings_;
  storage::MatchIndex index_;
};

}  // namespace tocsin::node
