#pragma once
// RFC 6962 §2.1 written as its recursion reads, slow and obvious: what the fast code is compared with.

#include <algorithm>
#include <span>
#include <string>
#include <vector>

#include "crypto/hash.h"

namespace tocsin::test {

inline Hash reference_node(const Hash& left, const Hash& right) {
  Bytes message = {0x01};
  append(message, left);
  append(message, right);
  return crypto::sha256(message);
}

// The largest power of two below n.
inline std::size_t split_point(std::size_t n) {
  std::size_t k = 1;
  while (k * 2 < n) k *= 2;
  return k;
}

inline Hash reference_root(std::span<const Hash> leaves) {
  if (leaves.empty()) return crypto::sha256({});
  if (leaves.size() == 1) return leaves[0];
  const std::size_t k = split_point(leaves.size());
  return reference_node(reference_root(leaves.first(k)), reference_root(leaves.subspan(k)));
}

inline std::vector<Hash> reference_path(std::size_t m, std::span<const Hash> leaves) {
  if (leaves.size() == 1) return {};
  const std::size_t k = split_point(leaves.size());
  const auto left = leaves.first(k);
  const auto right = leaves.subspan(k);
  auto path = m < k ? reference_path(m, left) : reference_path(m - k, right);
  path.push_back(reference_root(m < k ? right : left));
  return path;
}

inline std::vector<Hash> reference_consistency(std::size_t m, std::span<const Hash> leaves,
                                               bool known = true) {
  if (m == leaves.size()) return known ? std::vector<Hash>{} : std::vector<Hash>{reference_root(leaves)};
  const std::size_t k = split_point(leaves.size());
  const auto left = leaves.first(k);
  const auto right = leaves.subspan(k);
  auto proof = m <= k ? reference_consistency(m, left, known) : reference_consistency(m - k, right, false);
  proof.push_back(reference_root(m <= k ? right : left));
  return proof;
}

// `count` different leaf hashes, the same in every run.
inline std::vector<Hash> made_leaves(std::size_t count) {
  std::vector<Hash> leaves(count);
  for (std::size_t i = 0; i < count; ++i) leaves[i] = crypto::leaf_hash(as_view("leaf " + std::to_string(i)));
  return leaves;
}

}  // namespace tocsin::test
