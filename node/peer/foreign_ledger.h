#pragma once
// ForeignLedger: a peer's ledger as we hold it: what we ask for next, and what a page we got does to us.
//
// A page goes three steps, so that one is fetched while another is proved and a third is written: prove()
// checks it (protocol/feed) against what was taken before it; take() moves the reading position behind it;
// write() folds its records into the cases by the same rules that judge our own, and commits leaves,
// openings, cases, cursor and our receipts for them as one append: a retraction stops matching in the
// transaction that writes our RETRACTION_APPLIED. A page that fails the arithmetic is refused whole and kept
// as evidence, the cursor stays. A record that breaks a due-process rule is kept, its case is marked REFUSED
// and never matches, and the feed goes on. Concurrency: prove(), write() and keep_evidence() on any thread,
// the rest from one lane; `done` runs on the sequencer or at once. Source: SPEC §6, §7.

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "crypto/hpke.h"
#include "node/ledger/ledger.h"
#include "node/runtime/runtime.h"
#include "protocol/feed/page.h"
#include "protocol/identity/descriptor.h"
#include "protocol/process/registry.h"
#include "storage/chain_store.h"
#include "storage/peer_store.h"

namespace tocsin::node {

// Target of one page. Large enough that a page's own costs (a commit, a key exchange, a round trip) vanish,
// small enough that the pages in flight stay a few dozen MB once parsed.
inline constexpr std::uint32_t kPageBytes = 1024 * 1024;

// A checkpoint that the peer's own policy asks more witnesses for (SPEC §12): to be asked for again, no lie.
inline constexpr std::string_view kQuorumMissingRule = "feed/quorum";
// Nothing more is taken of a node in quarantine, not even what was on its way (SPEC §13).
inline constexpr std::string_view kQuarantinedRule = "peer/quarantined";

class ForeignLedger {
 public:
  struct Page;  // proved
  using PagePtr = std::shared_ptr<const Page>;
  struct Progress {
    std::uint64_t held = 0;       // leaves
    std::uint64_t head_size = 0;  // of the newest verified checkpoint
    bool complete() const { return held == head_size; }
  };
  // How many of the page's records a due-process rule refused.
  using Done = std::function<void(Result<std::uint64_t> refused)>;

  // Reads back what is held of it. The references outlive this.
  static Result<std::unique_ptr<ForeignLedger>> open(storage::Store& store, Ledger& ledger, Runtime& runtime,
                                                     const protocol::ValidDescriptor& peer);

  // What follows the pages taken so far.
  v1::RecordsRequest next_request() const;
  // What would follow `reply`, were it proved; empty when it reaches its own checkpoint or does not say.
  static std::optional<v1::RecordsRequest> request_after(const v1::RecordsReply& reply);

  // What a page is proved against: everything taken before it.
  struct View;
  using ViewPtr = std::shared_ptr<const View>;
  ViewPtr view() const;
  // `envelope_keys`: ours, newest first; the older one opens what was sealed before a rotation.
  Result<PagePtr> prove(const View& view, const v1::RecordsReply& reply,
                        std::span<const crypto::KemKey* const> envelope_keys) const;
  void take(PagePtr page);
  // The oldest page taken and not yet settled. `coordinator`: whether this peer's membership records are
  // mirrored into our own ledger (SPEC §8).
  void write(const PagePtr& page, bool coordinator, Done done) const;
  // It is durable. Pages settle in the order taken.
  void settle(const PagePtr& page);
  // Forgets what was taken and not settled. Precondition: no write() is outstanding.
  void rewind();

  // Whether prove()'s error accuses the peer; otherwise it is a failure of ours.
  static bool accuses(const Error& error);
  // Keeps what was refused as evidence.
  void keep_evidence(const v1::RecordsReply& reply, const Error& why, std::function<void(Status)> done) const;

  Progress progress() const;  // of what is settled
  // What its 05xx records say, as far as they are settled.
  std::shared_ptr<const protocol::Registry> registry() const { return settled_.registry; }
  // What the peer's operators did that ours should know; empty: nothing.
  std::string notice() const;
  // A rotated key: the descriptor the link has accepted.
  Status set_descriptor(const protocol::ValidDescriptor& peer);
  const Hash& peer() const { return peer_; }

 private:
  // Where the ledger has been read to.
  struct Reached {
    protocol::FeedPosition position;
    std::string note;  // of position.known, as it was verified; empty: not yet under the newest key
    std::shared_ptr<const protocol::Registry> registry;
  };
  ForeignLedger(storage::Store& store, Ledger& ledger, Runtime& runtime, const Hash& peer)
      : store_(store), peers_(store), ledger_(ledger), runtime_(runtime), peer_(peer) {}

  Result<std::shared_ptr<const protocol::Registry>> replay_registry() const;
  std::vector<protocol::VerifierKey> log_keys() const;
  static Status check_quorum(const View& view, Page& page, const v1::RecordsReply& reply);
  static Result<std::string> follow_overrides(const View& view, std::string text,
                                              const v1::RecordsReply& reply);
  static Status check_signer(const Page& page, const std::vector<protocol::VerifierKey>& believed);
  Result<std::optional<storage::ChainHead>> chain(const View& view, const Page& page, const Hash& id) const;
  Result<protocol::Leaf> earlier_leaf(const View& view, std::uint64_t index) const;
  Status open_records(const View& view, Page& page, const v1::RecordsReply& reply,
                      std::span<const crypto::KemKey* const> envelope_keys) const;
  Status judge_records(const View& view, Page& page) const;
  Result<std::vector<Hash>> signals_of(const View& view, const Page& page,
                                       const protocol::OpenedRecord& record) const;
  static bool nothing_new(const View& view, const v1::RecordsReply& reply);
  void prepare_rows(Page& page) const;

  Status fold_page(Changes& changes, const Page& page, std::uint64_t& refused) const;
  bool was_opened(const Page& page, std::uint64_t index) const;
  Status fold(Changes& changes, const Page& page, std::size_t at, v1::Evidence& evidence) const;
  void exhibit(const protocol::OpenedRecord& record, const Error& why, v1::Evidence& evidence) const;
  Result<std::vector<Draft>> answers(const Page& page, bool coordinator) const;
  Result<std::optional<Draft>> retraction_applied(const Page& page, std::size_t at,
                                                  std::set<Hash>& answered) const;

  storage::Store& store_;
  const storage::PeerStore peers_;
  Ledger& ledger_;
  Runtime& runtime_;
  const Hash peer_;
  std::shared_ptr<const protocol::ValidDescriptor> descriptor_;  // the newest known
  Reached settled_;
  Reached taken_;
  std::deque<PagePtr> pending_;  // taken, not settled
};

}  // namespace tocsin::node
