#pragma once
// Repair: brings a store in quarantine back to everything that this node ever signed, from what its peers
// hold.
//
// Every active member is asked for the newest checkpoints of ours it holds, and for the records behind what
// our store can prove; they count once they lead to a checkpoint that we signed. The node may sign again when
// every member has answered and nobody holds a checkpoint beyond what was got back: then the store is
// completed, gets a new anchor, and is to be opened again. Members that the records got back name are asked
// too. Until then it goes on asking, and says whom it waits for. An operator may decide to go on without a
// member, alone, or without records that only this store says were signed. Guarantee: nothing is signed that
// contradicts a checkpoint anybody who answered has seen. Errors appear in status(). Concurrency: start()
// once; status() and decide() from any thread; the rest on Lane::kIo and, one task at a time,
// Lane::kSequencer. Outlives the Runtime's lanes. Source: SPEC §14; reliability.md I7, I8.

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "crypto/sign.h"
#include "node/recovery/held_calls.h"
#include "node/recovery/tail.h"

namespace tocsin::node {

inline constexpr std::uint64_t kRepairRetryFirstMs = 500;
inline constexpr std::uint64_t kRepairRetryLastMs = 10'000;
// No answer counts that was given earlier after the start: a page that was under way when the disk died may
// still reach a member's store.
inline constexpr std::uint64_t kRepairQuietMs = 5'000;
// How often members are asked again when all have answered and something else is missing.
inline constexpr std::uint64_t kRepairAgainMs = 10'000;

class Repair {
 public:
  enum class Stage : std::uint8_t { kMeasuring, kAsking, kFetching, kWriting, kStuck, kFailed, kDone };
  struct Parts {
    storage::Store& store;  // in quarantine
    Runtime& runtime;
    const RecordSealer& sealer;
    const crypto::SigningKey& operational;
    std::string origin;
    Hash self{};
    Sync::Connect connect;
    // On Lane::kIo, at each change. kDone, and kFailed when the disk refused: the store is to be opened
    // again.
    std::function<void(Stage)> changed;
    // A peer knows a newer descriptor of ours: makes one that is newer still.
    std::function<void()> renew = {};
  };
  explicit Repair(Parts parts);
  ~Repair();

  void start();
  void stop();

  struct Member {
    std::string name;
    bool answered = false;
    bool left_out = false;          // by the operator
    std::uint64_t held = 0;         // records of ours
    std::uint64_t signed_size = 0;  // of the newest checkpoint of ours
    std::string error;
  };
  struct Report {
    Stage stage = Stage::kMeasuring;
    std::uint64_t base = 0;    // records that the store could prove
    std::uint64_t proven = 0;  // with those got back
    std::uint64_t lost = 0;    // of these, bodies that nobody has given so far
    std::string waiting_for;   // what is missing, in words
    std::string fix;           // what an operator can do about it
    std::vector<Member> members;
  };
  Report report() const;

  struct Decision {
    std::vector<std::string> without;  // members' names
    bool alone = false;                // there is nobody to ask
    bool forget_unseen = false;        // records that this store says were signed, and nobody holds
  };
  // kNotFound "recovery/member" for a name that is no member's.
  Status decide(const Decision& decision);

  // For the link: whether the node is a member, as far as store and records got back say.
  bool knows(const Hash& node) const;

 private:
  struct Peer;
  using PeerPtr = std::shared_ptr<Peer>;

  void on_sequencer(std::function<Status()> work, std::function<void(Status)> then);
  void measured(const Status& done);
  Status adopt_members();
  void step();
  void ask(const PeerPtr& peer);
  void answered(const PeerPtr& peer, const Result<v1::HeldReply>& reply);
  bool too_early();
  PeerPtr source() const;
  PeerPtr body_source() const;
  void fetch(const PeerPtr& peer, const protocol::TreeHead& target);
  void fetched(const PeerPtr& peer, const protocol::TreeHead& target, v1::HeldReply reply);
  void fetch_bodies(const PeerPtr& peer, std::uint64_t from);
  Result<v1::Openings> openings_of(const Peer& peer, const v1::HeldReply& reply) const;
  void conclude();
  std::optional<Error> obstacle() const;
  using Notes = std::map<std::uint64_t, std::pair<Hash, std::string>>;  // by size: root, and who holds it
  Notes notes() const;
  Status check(const Notes& notes) const;
  Status write(const std::set<std::string>& heads);
  void put_witnessed(storage::Batch& batch, const std::set<std::string>& heads) const;
  void stuck(const Error& why);
  void failed(const Error& why);
  void publish(Stage stage, const std::optional<Error>& why = std::nullopt);

  const Parts in_;
  const protocol::VerifierKey log_;
  const crypto::KemKey envelope_;  // made for these questions alone
  HeldCalls calls_;

  // The sequencer's while busy_, else Lane::kIo's.
  std::unique_ptr<Tail> tail_;
  std::uint64_t signed_ = 0;  // by our own store's word

  // Lane::kIo.
  std::map<Hash, PeerPtr> peers_;
  std::map<Hash, protocol::ValidDescriptor> named_;  // members that other members name
  std::uint64_t began_ms_ = 0;
  std::set<std::string> heads_;  // of other members' ledgers, as members hold them
  Decision decision_;
  bool busy_ = false;
  bool stopped_ = false;
  bool again_ = false;  // a later look is scheduled

  mutable std::mutex mu_;
  // Guarded by mu_.
  Report report_;
  std::set<Hash> known_;
};

std::string_view stage_name(Repair::Stage stage);

}  // namespace tocsin::node
