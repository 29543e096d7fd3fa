#include "node/http/server_state.h"

namespace tocsin::node {

bool ServerState::take_request() {
  if (limits.requests_per_s_max == 0) return true;
  const std::uint64_t now = runtime.now_ms();
  if (now >= requests_since_ms_ + 1000) {
    requests_since_ms_ = now;
    requests_ = 0;
  }
  return ++requests_ <= limits.requests_per_s_max;
}

bool ServerState::full(const std::string& address) {
  const std::lock_guard lock(mu_);
  if (connections_.size() >= limits.connections_max) return true;
  const auto found = addresses_.find(address);
  return limits.connections_per_address_max != 0 && !address.empty() && found != addresses_.end() &&
         found->second >= limits.connections_per_address_max;
}

void ServerState::enter(Connection* connection, const std::string& address) {
  metrics.http_connections.add(1);
  const std::lock_guard lock(mu_);
  connections_.insert(connection);
  ++addresses_[address];
}

void ServerState::leave(Connection* connection, const std::string& address) {
  metrics.http_connections.add(-1);
  const std::lock_guard lock(mu_);
  connections_.erase(connection);
  if (--addresses_[address] == 0) addresses_.erase(address);
  if (connections_.empty()) empty_.notify_all();
}

bool ServerState::reserve_body(std::size_t bytes) {
  const std::lock_guard lock(mu_);
  if (bodies_bytes_ + bytes > limits.bodies_bytes_max) return false;
  bodies_bytes_ += bytes;
  return true;
}

void ServerState::release_body(std::size_t bytes) {
  const std::lock_guard lock(mu_);
  bodies_bytes_ -= bytes;
}

std::set<Connection*> ServerState::connections() {
  const std::lock_guard lock(mu_);
  return connections_;
}

bool ServerState::wait_until_empty(std::chrono::milliseconds patience) {
  std::unique_lock lock(mu_);
  return empty_.wait_for(lock, patience, [this] { return connections_.empty(); });
}

}  // namespace tocsin::node
