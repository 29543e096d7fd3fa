#include "node/ledger/ledger.h"

#include "node/ledger/sequencer.h"

namespace tocsin::node {

Ledger::Ledger(std::unique_ptr<Sequencer> sequencer) : sequencer_(std::move(sequencer)) {}
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
void Ledger::halt(Error why) {
  sequencer_->halt(std::move(why));
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
  protocol::TileNodes nodes(tree_size, log().tiles());
  return protocol::inclusion_proof(index, tree_size, nodes.nodes());
}

Result<protocol::Proof> Ledger::consistency(std::uint64_t old_size, std::uint64_t new_size) const {
  if (new_size > size()) return fail(Code::kOutOfRange, "the ledger is not that long", "ledger/size");
  protocol::TileNodes nodes(new_size, log().tiles());
  return protocol::consistency_proof(old_size, new_size, nodes.nodes());
}

}  // namespace tocsin::node
