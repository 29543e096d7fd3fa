#include "node/ledger/ledger.h"

#include "node/ledger/sequencer.h"
#include "protocol/log/proof_cache.h"

namespace tocsin::node {

// One reader at a time; a proof is copying, so nobody waits long.
struct Ledger::Proofs {
  explicit Proofs(const storage::LogStore& log) : cache(log.tiles()) {}
  std::mutex mu;
  protocol::ProofCache cache;
};

Ledger::Ledger(std::unique_ptr<Sequencer> sequencer)
    : sequencer_(std::move(sequencer)), proofs_(std::make_unique<Proofs>(sequencer_->log)) {}
Ledger::~Ledger() = default;

Result<std::unique_ptr<Ledger>> Ledger::open(storage::Store& store, Runtime& runtime, LedgerKeys keys) {
  auto sequencer = std::make_unique<Sequencer>(store, runtime, std::move(keys));
  TRY(sequencer->start());
  return std::unique_ptr<Ledger>(new Ledger(std::move(sequencer)));
}

void Ledger::append(Append append, AppendDone done) {
  sequencer_->push(std::move(append), std::move(done));
}
void Ledger::sequence_once() {
  sequencer_->sequence_once();
}
void Ledger::hand_over_from(std::size_t records) {
  sequencer_->hand_over_from = records;
}
void Ledger::halt(Error why) {
  sequencer_->halt(std::move(why));
}
void Ledger::add_key(crypto::SigningKey key) {
  sequencer_->signers.add(std::move(key));
}
void Ledger::forget_keys_before(const crypto::PublicKey& key) {
  sequencer_->signers.forget_before(key);
}
void Ledger::set_listener(Listener listener) {
  sequencer_->listener = std::move(listener);
}

void Ledger::count_in(Metrics& metrics) {
  sequencer_->metrics = &metrics;
}
void Ledger::set_gate(Gate gate) {
  sequencer_->gate = std::move(gate);
}

LedgerHead Ledger::head() const {
  return sequencer_->head();
}
const Hash& Ledger::self() const {
  return sequencer_->self;
}
const std::string& Ledger::origin() const {
  return sequencer_->origin;
}
Hash Ledger::chain_of(const Subject& subject) const {
  return sequencer_->sealer.chain_of(subject);
}
const storage::LogStore& Ledger::log() const {
  return sequencer_->log;
}

Result<protocol::LeafBytes> Ledger::leaf(std::uint64_t index) const {
  return log().leaf(index);
}
Result<Bytes> Ledger::leaves(std::uint64_t from, std::uint64_t count) const {
  return log().leaves(from, count);
}
Result<v1::SealedRecord> Ledger::sealed(std::uint64_t index) const {
  return log().sealed(index);
}
Result<v1::Opening> Ledger::opening(std::uint64_t index, bool personal) const {
  storage::LogReader reader = log().reader();
  return opening(reader, index, personal);
}
Result<v1::Opening> Ledger::opening(storage::LogReader& reader, std::uint64_t index, bool personal) const {
  return sequencer_->sealer.open(reader, index, personal);
}

Result<protocol::Proof> Ledger::inclusion(std::uint64_t index, std::uint64_t tree_size) const {
  if (tree_size > size()) return fail(Code::kOutOfRange, "the ledger is not that long", "ledger/size");
  std::array<Hash, protocol::kInclusionProofMax> hashes;
  const std::lock_guard lock(proofs_->mu);
  TRY_ASSIGN(const std::size_t count, proofs_->cache.inclusion(index, tree_size, hashes));
  return protocol::Proof(hashes.begin(), hashes.begin() + static_cast<std::ptrdiff_t>(count));
}

Result<protocol::Proof> Ledger::consistency(std::uint64_t old_size, std::uint64_t new_size) const {
  if (new_size > size()) return fail(Code::kOutOfRange, "the ledger is not that long", "ledger/size");
  const std::lock_guard lock(proofs_->mu);
  return protocol::consistency_proof(old_size, new_size, proofs_->cache.nodes(new_size));
}

}  // namespace tocsin::node
