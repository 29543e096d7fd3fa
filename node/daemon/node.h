#pragma once
// Node: everything a Tocsin node is made of, put together in one place, started and stopped in the right
// order.
//
// Guarantee: open() returns when the node serves or is in quarantine (node_state.h); an error leaves nothing
// running. stop() takes no new work, finishes what reached the sequencer, and closes the store. Concurrency:
// open(), stop() and the destructor on one thread that is none of the runtime's. Source: node/DESIGN.md:
// thread table, shutdown order.

#include <functional>
#include <memory>
#include <string>

#include "node/config/config.h"

namespace tocsin::node {

class Node {
 public:
  // `wake`, from any thread: the node is to be stopped and opened again, as its disk has changed under it.
  static Result<std::unique_ptr<Node>> open(const Config& config, std::function<void()> wake);
  ~Node();

  // The ports really listened on; 0 when there is none.
  std::uint16_t peer_port() const;
  std::uint16_t http_port() const;
  std::uint16_t read_port() const;
  void stop();

 private:
  struct Parts;
  explicit Node(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace tocsin::node
