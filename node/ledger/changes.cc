#include "node/ledger/changes.h"

#include <algorithm>

namespace tocsin::node {

Result<std::optional<v1::Case>> Changes::case_of(const Hash& signal) const {
  for (const Layer* layer : {&staged_, &kept_})
    if (const auto found = layer->cases.find(signal); found != layer->cases.end())
      return std::optional<v1::Case>(found->second);
  return storage::SignalStore(store_).get(signal);
}

void Changes::put_case(v1::Case value) {
  CHECK_INVARIANT(value.signal().size() == 32);
  Hash signal;
  std::copy_n(as_view(value.signal()).begin(), 32, signal.begin());
  staged_.cases.insert_or_assign(signal, std::move(value));
}

Result<std::optional<storage::ChainHead>> Changes::chain(const Hash& origin, const Hash& chain) const {
  const ChainId id{origin, chain};
  for (const Layer* layer : {&staged_, &kept_})
    if (const auto found = layer->chains.find(id); found != layer->chains.end())
      return std::optional<storage::ChainHead>(found->second);
  return storage::ChainStore(store_).get(origin, chain);
}

void Changes::put_chain(const Hash& origin, const Hash& chain, const storage::ChainHead& head) {
  staged_.chains.insert_or_assign({origin, chain}, head);
}

void Changes::apply_to_registry(const protocol::RecordView& record) {
  auto next = std::make_shared<protocol::Registry>(*registry_);
  next->apply(record);
  registry_ = std::move(next);
}

void Changes::drop() {
  staged_ = {};
  registry_ = kept_registry_;
}

void Changes::keep() {
  for (auto& [signal, value] : staged_.cases) kept_.cases.insert_or_assign(signal, std::move(value));
  for (auto& [id, head] : staged_.chains) kept_.chains.insert_or_assign(id, head);
  kept_.rows.append(staged_.rows);
  kept_registry_ = registry_;
  staged_ = {};
}

Result<storage::Batch> Changes::finish() {
  storage::Batch batch = std::move(kept_.rows);
  const storage::SignalStore signals(store_);
  for (auto& [signal, value] : kept_.cases) {
    TRY_ASSIGN(const auto before, signals.get(signal));
    storage::SignalStore::put(batch, before ? &*before : nullptr, value);
    changed_cases_.push_back(std::move(value));
  }
  for (const auto& [id, head] : kept_.chains) storage::ChainStore::put(batch, id.first, id.second, head);
  kept_ = {};
  return batch;
}

}  // namespace tocsin::node
