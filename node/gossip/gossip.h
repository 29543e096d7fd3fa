#pragma once
// Gossip: which heads of ledgers this node and others have seen, and what comes of two that do not fit (SPEC
// §13).
//
// carry() is what every exchange with a peer takes along, heard() what it brought. A note counts when its
// ledger's key signed it. It is held against the leaves and heads we have of that ledger: what contradicts
// them becomes a proof, is appended to our ledger (EQUIVOCATION_EVIDENCE) and puts its issuer in quarantine
// in the same commit; what others proved and a peer's ledger brought is appended likewise, once. What is
// ahead of us waits for the issuer's pages, and is an alarm after kUnexplainedMs. A note of our own ledger
// that is not of its history is reported to `forked`. What an issuer announces beyond its pages is no
// evidence: it may lose it with its disk before anybody has the records. What was seen is durable within
// kFlushMs, evidence at once, and never goes back. Concurrency: any thread; the work runs on Lane::kWorkers.
// Outlives the Runtime's lanes.

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "node/gossip/held_ledger.h"
#include "node/ledger/ledger.h"
#include "node/ledger/published.h"
#include "node/members/members.h"
#include "node/metrics/metrics.h"
#include "node/runtime/runtime.h"
#include "protocol/evidence/equivocation.h"
#include "storage/gossip_store.h"
#include "tocsin/v1/peer.pb.h"

namespace tocsin::node {

inline constexpr std::uint64_t kUnexplainedMs = 600'000;  // ledger.md: no answer in 10 minutes is an alarm
inline constexpr std::uint64_t kTickMs = 2'000;
inline constexpr std::uint64_t kFlushMs = 10'000;
inline constexpr std::uint64_t kOthersEveryMs = 2'000;     // to one receiver
inline constexpr int kOthersMax = 32;                      // notes of others in one message
inline constexpr std::size_t kOthersBytesMax = 16 * 1024;  // a request is at most 32 KiB
inline constexpr std::size_t kHeardMax = 256;     // notes waiting to be looked at; more are heard again
inline constexpr std::size_t kRecentMax = 64;     // notes remembered of one ledger, of different sizes
inline constexpr std::size_t kCheckedMax = 4096;  // notes that need no second look

class Gossip {
 public:
  // A note of ours that is not of our ledger's history.
  struct OwnConflict {
    std::string holder;  // who has it: its name
    std::uint64_t size = 0;
    std::string note;
  };
  struct Parts {
    storage::Store& store;
    Ledger& ledger;
    Runtime& runtime;
    const Members& members;
    std::function<Published()> published;                         // of our ledger
    std::function<void(const OwnConflict&)> forked = nullptr;     // once
    std::function<void(const Hash& peer)> quarantined = nullptr;  // it is durable: its links may go
    Metrics* metrics = nullptr;
  };
  explicit Gossip(Parts parts);

  // Reads what was seen before, and begins to look after it.
  Status start();
  void stop() { stopped_ = true; }
  // Looks again at what waits for an explanation, and writes what was seen: every kTickMs once started.
  void tend();

  v1::Gossip carry(const Hash& to);
  void heard(const Hash& from, const v1::Gossip& told);
  // A note of that peer's ledger that came in another way: in a page that was refused, to be cosigned.
  void saw(const Hash& issuer, const std::string& note);
  void saw_of(std::string_view origin, const std::string& note);
  // What we hold of a peer's ledger has grown, or is read for the first time; what its records say.
  void held(const Hash& peer, std::shared_ptr<const protocol::Registry> registry);

  // Why an operator should look; empty when nothing is the matter.
  std::string alarm_of(const Hash& issuer) const;
  struct Alarm {
    std::string name;
    std::string text;
  };
  std::vector<Alarm> alarms() const;

 private:
  struct Known {  // a member, or this node
    std::string row;
    std::optional<protocol::ValidDescriptor> descriptor;
    bool active = false;
  };
  struct Seen {
    protocol::SignedHead newest;
    std::uint64_t at_ms = 0;
    // The oldest that nothing explains yet, and since when.
    std::optional<protocol::SignedHead> waiting;
    std::uint64_t since_ms = 0;
    bool dirty = false;
  };
  struct Watched {  // what is known of one member's ledger
    explicit Watched(const storage::Store& store, const Hash& peer) : held(store, peer) {}
    HeldLedger held;
    std::optional<protocol::SignedHead> head;              // the newest verified by its pages
    std::map<std::uint64_t, protocol::SignedHead> recent;  // by size
    std::map<Hash, Seen> seen;                             // by who saw it
    bool alarmed = false;
  };
  using WatchedPtr = std::shared_ptr<Watched>;
  enum class Verdict : std::uint8_t { kExplained, kWaiting, kConvicted };

  struct Told {
    Hash issuer{};
    std::string note;
  };

  void refresh_locked();
  std::optional<protocol::ValidDescriptor> descriptor_of(const Hash& node);
  std::string name_of_locked(const Hash& node) const;
  WatchedPtr watched_locked(const Hash& node);
  void look_later(const Hash& holder, std::vector<Told> told);
  void look(const Hash& holder, const Told& told);
  void look_at_own(const Hash& holder, const protocol::SignedHead& head);
  Verdict judge(const Hash& issuer, const protocol::SignedHead& head, bool announced);
  Result<Verdict> compare(const Hash& issuer, Watched& watched, const protocol::SignedHead& head);
  void remember_locked(const Hash& issuer, const Hash& holder, const protocol::SignedHead& head,
                       Verdict verdict);
  void read_head(const Hash& peer);
  void convict(const Hash& issuer, const protocol::EquivocationProof& proof);
  void convicted(const Hash& issuer, const protocol::EquivocationProof& proof, const Result<Appended>& done);
  void report_own(const Hash& holder, std::uint64_t size, const std::string& note);
  void tick();
  void look_again();
  void flush();
  void count();
  std::string alarm_locked(const Hash& issuer, const Watched& watched) const;

  const Parts parts_;
  const storage::GossipStore rows_;
  const storage::PeerStore peers_;
  std::atomic<bool> stopped_ = false;

  mutable std::mutex mu_;
  // Guarded by mu_.
  std::map<Hash, Known> known_;
  std::uint64_t known_ms_ = 0;
  std::map<Hash, WatchedPtr> watched_;
  std::map<Hash, protocol::SignedHead> checked_;  // by digest of issuer and note: explained
  std::map<Hash, std::uint64_t> others_ms_;       // when a receiver last got notes of others
  std::map<Hash, std::size_t> others_turn_;
  std::set<Hash> convicting_;
  std::size_t looking_ = 0;
  std::uint64_t flushed_ms_ = 0;
  bool forked_ = false;
};

}  // namespace tocsin::node
