#include "storage/index/match_index.h"

#include <algorithm>
#include <mutex>

namespace tocsin::storage {

void MatchIndex::insert(const Hash& signal, const protocol::Indicator& indicator) {
  std::unique_lock lock(mu_);
  auto [place, fresh] = places_.try_emplace(signal);
  if (!fresh) return;
  if (indicator.type() == protocol::IndicatorType::kPdq) {
    // The name before the entry: a reader that sees the entry finds whose it is.
    pdq_signals_.push_back(signal);
    place->second.pdq_entry = pdq_.insert(indicator.pdq());
  } else {
    place->second.exact_key = indicator.encode();
    exact_[place->second.exact_key].push_back(signal);
  }
}

void MatchIndex::remove(const Hash& signal) {
  std::unique_lock lock(mu_);
  const auto place = places_.find(signal);
  if (place == places_.end()) return;
  if (place->second.exact_key.empty()) {
    pdq_.remove(place->second.pdq_entry);
  } else {
    const auto entry = exact_.find(place->second.exact_key);
    std::erase(entry->second, signal);
    if (entry->second.empty()) exact_.erase(entry);
  }
  places_.erase(place);
}

MatchIndex::Snapshot MatchIndex::open() const {
  Snapshot snapshot;
  snapshot.index_ = this;
  snapshot.pdq_ = pdq_.open();
  return snapshot;
}

std::size_t MatchIndex::size() const {
  std::shared_lock lock(mu_);
  return places_.size();
}

std::vector<IndexHit> MatchIndex::exact_hits(const protocol::Indicator& query) const {
  std::vector<IndexHit> hits;
  std::shared_lock lock(mu_);
  if (const auto entry = exact_.find(query.encode()); entry != exact_.end())
    for (const Hash& signal : entry->second) hits.push_back({signal, 0});
  return hits;
}

std::vector<IndexHit> MatchIndex::Snapshot::search(const protocol::Indicator& query, unsigned radius) const {
  return std::move(search_many({&query, 1}, radius).front());
}

std::vector<std::vector<IndexHit>> MatchIndex::Snapshot::search_many(
    std::span<const protocol::Indicator> queries, unsigned radius) const {
  std::vector<std::vector<IndexHit>> found(queries.size());
  std::vector<protocol::PdqHash> hashes;
  std::vector<std::size_t> positions;
  for (std::size_t i = 0; i < queries.size(); ++i) {
    if (queries[i].type() == protocol::IndicatorType::kPdq) {
      hashes.push_back(queries[i].pdq());
      positions.push_back(i);
    } else {
      found[i] = index_->exact_hits(queries[i]);
    }
  }
  auto matches = pdq_.search_many(hashes, radius);
  std::shared_lock lock(index_->mu_);
  for (std::size_t k = 0; k < matches.size(); ++k) {
    std::stable_sort(matches[k].begin(), matches[k].end(),
                     [](const PdqMatch& a, const PdqMatch& b) { return a.distance < b.distance; });
    for (const PdqMatch& match : matches[k])
      found[positions[k]].push_back({index_->pdq_signals_[match.entry], match.distance});
  }
  return found;
}

}  // namespace tocsin::storage
