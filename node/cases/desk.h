#pragma once
// Desk: what a company does about people's content and people do about it: actions on signals, notices,
// appeals from any member's complaint desk, their decisions, and one page that shows a person who acted, who
// put it right, when, and who has not answered.
//
// Every change is an Append for the caller to commit; the rules judge it again where it is sequenced. An
// appeal against a member's action travels in the feed: its origin opens the case (follow_up), every holder
// of the signal sees it DISPUTED, and the origin's decision comes back as a retraction that everybody
// answers. A person's words stay in class P, which no peer is opened. Errors: kInvalidArgument, kNotFound,
// kFailedPrecondition; rules "appeal/...", "action/...", "due-process/...". Concurrency: any thread. Source:
// due-process.md "One appeal for the whole network"; SPEC §6.

#include <functional>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "node/ledger/ledger.h"
#include "node/signals/signals.h"
#include "storage/signal_store.h"
#include "tocsin/v1/admin.pb.h"

namespace tocsin::node {

class Desk {
 public:
  Desk(const storage::Store& store, Ledger& ledger, Runtime& runtime, const Signals& signals)
      : cases_(store), ledger_(ledger), runtime_(runtime), signals_(signals) {}

  // A case that is new or different: whether it has matters is what the desk remembers.
  void note(const v1::Case& value);
  // Every case with matters, as it is stored.
  void each(const std::function<void(const v1::Case&)>& take) const;

  struct Action {
    Append append;  // ACTION_TAKEN, and the notice when one was asked for
    Hash chain{};
  };
  Result<Action> act(const v1::ActionRequest& request) const;
  Result<Append> notify(const v1::NoticeRequest& request) const;
  Result<v1::ActionReply> action(const Hash& chain, std::uint64_t index) const;

  struct Filed {
    Append append;
    std::string appeal;  // its id, as printed
  };
  Result<Filed> file(const v1::AppealFileRequest& request) const;
  Result<v1::AppealSubjectReply> subject(const std::string& appeal) const;
  // With it whatever follows at once: what was overturned is put right, reported, or retracted.
  Result<Append> decide(const v1::AppealDecideRequest& request) const;
  Result<Append> escalate(const v1::AppealEscalateRequest& request) const;

  Result<v1::AppealView> show(const std::string& appeal) const;
  v1::AppealListReply list(bool all) const;
  v1::DeadlinesReply deadlines() const;

  // Whether follow_up() may have something for the case.
  bool asks(const v1::Case& value) const;
  // The origin opens the case of a member's appeal; what was done on a signal whose appeal was lost is
  // undone.
  std::vector<Append> follow_up(const v1::Case& value) const;

 private:
  struct Found {
    v1::Case state;
    v1::Matter matter;  // this node's
  };
  Result<Found> own_matter(const std::function<std::string(const v1::Matter&)>& id, const std::string& prefix,
                           const char* what) const;
  Result<Found> own_action(const std::string& prefix) const;
  Result<Found> own_appeal(const std::string& prefix) const;
  // A draft about the case in a chain of its own or, of a matter, in the matter's.
  Draft draft(const v1::Case& state, protocol::Event event, const Subject& subject,
              std::vector<protocol::SlotValue> slots) const;
  Result<Draft> notice(const v1::Case& state, const Subject& subject, const Hash& statement,
                       const v1::NoticeRequest& request) const;
  void undo(const Found& found, std::uint64_t cause, bool report, Append& append) const;
  Draft appeal_record(const v1::Case& state, const v1::Matter& theirs, const Subject& subject) const;
  v1::AppealView view_of(const v1::Case& state, const std::string& appeal) const;
  v1::AppealParty party_of(const v1::Case& state, const Hash& node, const std::string& channel) const;

  const storage::SignalStore cases_;
  Ledger& ledger_;
  Runtime& runtime_;
  const Signals& signals_;
  mutable std::mutex mu_;
  std::set<Hash> with_matters_;  // signals; guarded by mu_
};

// An appeal's or an action's id as people type it: the first 16 hex digits name it.
std::string print_appeal(const std::string& id);
std::string print_action(const std::string& chain);

}  // namespace tocsin::node
