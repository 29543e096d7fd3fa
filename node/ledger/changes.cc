#include "node/ledger/changes.h"

#include <algorithm>

namespace tocsin::node {

Result<std::optional<v1::Case>> Changes::case_of(const Hash& signal) const {
  for (const Layer* layer : {&staged_, &kept_})
    if (const auto found = layer->cases.find(signal); found != layer->cases.end())
      return std::optional<v1::Case>(found->second);
  TRY_ASSIGN(const auto* stored, stored_case(signal));
  return *stored;
}

Result<const std::optional<v1::Case>*> Changes::stored_case(const Hash& signal) const {
  auto found = stored_.lower_bound(signal);
  if (found == stored_.end() || found->first != signal) {
    for (auto commit = before_.rbegin(); commit != before_.rend(); ++commit)
      if (const auto kept = (*commit)->kept_.cases.find(signal); kept != (*commit)->kept_.cases.end())
        return &stored_.emplace_hint(found, signal, kept->second)->second;
    TRY_ASSIGN(auto value, storage::SignalStore(store_).get(signal));
    found = stored_.emplace_hint(found, signal, std::move(value));
  }
  return &found->second;
}

Result<v1::Case*> Changes::edit_case(const Hash& signal) {
  auto found = staged_.cases.lower_bound(signal);
  if (found == staged_.cases.end() || found->first != signal) {
    TRY_ASSIGN(auto value, case_of(signal));
    found = staged_.cases.emplace_hint(found, signal, value ? std::move(*value) : v1::Case());
  }
  return &found->second;
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
  for (auto commit = before_.rbegin(); commit != before_.rend(); ++commit)
    if (const auto kept = (*commit)->kept_.chains.find(id); kept != (*commit)->kept_.chains.end())
      return std::optional<storage::ChainHead>(kept->second);
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
  if (kept_.rows.rows() == 0)
    kept_.rows = std::move(staged_.rows);  // a peer's page: megabytes, and mostly alone in its commit
  else
    kept_.rows.append(staged_.rows);
  kept_registry_ = registry_;
  staged_ = {};
}

Result<storage::Batch> Changes::finish() {
  storage::Batch batch = std::move(kept_.rows);
  for (const auto& [signal, value] : kept_.cases) {
    TRY_ASSIGN(const auto* before, stored_case(signal));
    storage::SignalStore::put(batch, *before ? &**before : nullptr, value);
  }
  for (const auto& [id, head] : kept_.chains) storage::ChainStore::put(batch, id.first, id.second, head);
  before_.clear();
  stored_.clear();
  return batch;
}

std::vector<v1::Case> Changes::take_changed_cases() {
  std::vector<v1::Case> out;
  out.reserve(kept_.cases.size());
  for (auto& [signal, value] : kept_.cases) out.push_back(std::move(value));
  kept_ = {};
  return out;
}

}  // namespace tocsin::node
