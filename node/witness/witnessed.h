#pragma once
// Witnessed: our own checkpoints as others cosigned them, and what of the ledger is published because of it.
//
// Whenever the ledger has grown, at most every kRoundEveryMs, each member that cosigns and each witness of
// the policy is asked to cosign the newest checkpoint. Without a policy everything is published at once, and
// cosignatures are an extra. With one (the ledger's WITNESS_POLICY records), nothing is published beyond the
// newest checkpoint that its quorum cosigned; a changed policy takes the old one's quorum and the new one's
// over one checkpoint behind the change (SPEC §12). Such a checkpoint is durable before it is shown. A
// witness that holds more than we have, or another root, is reported once a note of ours proves it or the
// policy names it. Concurrency: any thread. Outlives the Runtime's lanes.

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "node/ledger/ledger.h"
#include "node/ledger/published.h"
#include "node/runtime/runtime.h"
#include "node/witness/cosigner.h"
#include "node/witness/known_logs.h"
#include "protocol/process/registry.h"

namespace tocsin::node {

inline constexpr std::uint64_t kRoundEveryMs = 2'000;
inline constexpr std::uint64_t kRoundMs = 10'000;      // who has not answered by then is left out
inline constexpr std::uint64_t kRoundAgainMs = 5'000;  // after a round that did not do
inline constexpr std::uint64_t kBehindUsualS = 60;     // a record is cosigned within that
inline constexpr std::uint64_t kBehindAlarmS = 600;    // and somebody must look when it is not by then
inline constexpr std::size_t kCosignaturesMax = 15;    // beside the log's own line: 16 are accepted

class Witnessed {
 public:
  using Asked = std::function<void(Result<CosignAnswer>)>;
  struct Ahead {
    std::string witness;
    std::uint64_t size = 0;  // that it holds of our ledger
    bool proven = false;     // by a note that we signed
    std::string note;        // that note
  };
  struct Parts {
    const storage::Store& store;
    Ledger& ledger;
    Runtime& runtime;
    std::function<std::vector<WitnessTarget>()> members;
    // Asks one of them; `asked` from any thread, once.
    std::function<void(const WitnessTarget& target, const std::string& body, Asked asked)> ask;
    std::function<void(const Published&)> moved_on;  // what is published has grown
    std::function<void(const Ahead&)> ahead;
  };
  explicit Witnessed(Parts parts);

  // Reads what was cosigned before, and begins to ask.
  Status start();
  void stop();
  // After each commit, on the sequencer.
  void on_committed();

  Published published() const;
  // For who holds `from` records and knows a checkpoint of `known`: one that it accepts (SPEC §12).
  Published published_for(std::uint64_t from, std::uint64_t known) const;

  struct WitnessStatus {
    std::string name;
    std::string vkey;
    std::string url;  // empty for a member
    bool member = false;
    bool in_policy = false;
    std::uint64_t size = 0;    // that it cosigned last
    std::uint64_t time_s = 0;  // when, by its clock
    std::string last_error;
  };
  struct Overview {
    bool policy = false;       // a quorum is asked for
    std::string policy_text;   // in force; empty: none was ever set
    std::uint64_t size = 0;    // of the newest checkpoint that was cosigned as the policy asks
    std::uint64_t time_s = 0;  // its earliest cosignature's
    std::size_t cosignatures = 0;
    std::string missing;         // why what the ledger holds beyond it is not published; empty: all is
    std::string overridden;      // why the policy in force replaced the one before without its quorum
    std::uint64_t behind_s = 0;  // age of the oldest record beyond it; 0 without anybody to ask
    std::vector<WitnessStatus> witnesses;
  };
  Overview overview() const;
  std::uint64_t behind_s() const;

 private:
  struct Round;
  struct Holder {
    std::optional<std::uint64_t> held;  // size of our ledger there, as far as we know
    std::uint64_t size = 0;
    std::uint64_t time_s = 0;
    std::string last_error;
    bool reported = false;
  };
  using RoundPtr = std::shared_ptr<Round>;
  using PolicyPtr = std::shared_ptr<const protocol::Policy>;

  std::vector<PolicyPtr> demanded(const protocol::Registry& registry, std::uint64_t published_size) const;
  bool gated() const;
  std::vector<protocol::VerifierKey> own_keys(const protocol::Registry& registry) const;
  Result<Published> published_note(std::string note, const protocol::Registry& registry) const;
  std::vector<WitnessTarget> targets(const protocol::Registry& registry) const;
  void schedule(std::uint64_t delay_ms);
  void begin();
  void ask_stragglers(Round& round) const;
  void send(const RoundPtr& round, std::size_t target);
  void answered(const RoundPtr& round, std::size_t target, const Result<CosignAnswer>& answer);
  bool cosigned(Round& round, std::size_t target, const std::string& lines);
  bool ask_again(Round& round, std::size_t target, const CosignAnswer& answer);
  void suspect(const WitnessTarget& target, std::uint64_t size, const CosignAnswer& answer);
  void settle(const RoundPtr& round);
  void keep(const RoundPtr& round, const std::string& note);

  const Parts parts_;
  const storage::WitnessStore rows_;

  mutable std::mutex mu_;
  // Guarded by mu_.
  std::map<std::string, Holder> holders_;  // by vkey
  std::uint64_t cosigned_size_ = 0;        // of the newest note kept
  Published cosigned_;
  RoundPtr round_;
  bool scheduled_ = false;
  bool stopped_ = false;
  std::uint64_t round_began_ms_ = 0;
};

}  // namespace tocsin::node
