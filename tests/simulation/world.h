#pragma once
// World: virtual time, seeded chance, one queue of events for a whole network in one thread, and its trace.
//
// A Machine is a node's Runtime. Its tasks belong to one life of it: a crash ends the life, and what was
// posted in it never runs. The same seed gives the same order of events and the same trace (I47).

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <queue>
#include <random>
#include <string_view>
#include <vector>

#include "node/runtime/runtime.h"

namespace tocsin::simulation {

class World {
 public:
  using Task = std::function<void()>;

  explicit World(std::uint64_t seed) : random_(seed) {}

  std::uint64_t now_ms() const { return now_ms_; }
  void at(std::uint64_t time_ms, Task task) {
    queue_.push({time_ms, next_++, std::make_shared<Task>(std::move(task))});
  }
  void after(std::uint64_t delay_ms, Task task) { at(now_ms_ + delay_ms, std::move(task)); }
  // Runs what is due up to `until_ms`, or until `done` says so (asked after each event).
  void run(std::uint64_t until_ms, const std::function<bool()>& done = nullptr);
  // Called after each event: what has to follow it before anything else happens.
  void set_after_each(Task task) { after_each_ = std::move(task); }

  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }
  bool chance(unsigned percent) { return below(100) < percent; }
  void fill(std::span<std::uint8_t> out) {
    for (std::size_t i = 0; i < out.size(); i += 8) {
      const std::uint64_t word = random_();
      std::memcpy(out.data() + i, &word, std::min<std::size_t>(8, out.size() - i));
    }
  }

  // Everything that happens leaves its mark, in order: events, messages, what is written to a disk.
  void mark(std::uint64_t what) { trace_ = (trace_ ^ what) * 0x9E3779B97F4A7C15ULL + (trace_ >> 29); }
  void mark(std::span<const std::uint8_t> bytes) {
    mark(std::hash<std::string_view>()({reinterpret_cast<const char*>(bytes.data()), bytes.size()}));
  }
  std::uint64_t trace() const { return trace_; }
  std::uint64_t events() const { return ran_; }

 private:
  struct Event {
    std::uint64_t time_ms;
    std::uint64_t number;
    std::shared_ptr<Task> task;
    bool operator>(const Event& other) const {
      return time_ms != other.time_ms ? time_ms > other.time_ms : number > other.number;
    }
  };
  std::priority_queue<Event, std::vector<Event>, std::greater<>> queue_;
  std::uint64_t now_ms_ = 1'700'000'000'000;
  std::uint64_t next_ = 0;
  std::uint64_t ran_ = 0;
  std::uint64_t trace_ = 1;
  Task after_each_;
  std::mt19937_64 random_;
};

class Machine : public node::Runtime {
 public:
  explicit Machine(World& world) : world_(world), life_(std::make_shared<char>()) {}

  // Ends this life: nothing posted so far runs.
  void crash() { life_ = std::make_shared<char>(); }
  // A life to bind a task to: the one that asked, not the one that goes on when the answer comes.
  using Life = std::weak_ptr<char>;
  Life life() const { return life_; }
  static Task in(Life life, Task task) {
    return [life = std::move(life), task = std::move(task)] {
      if (life.lock()) task();
    };
  }

  std::uint64_t now_ms() override { return world_.now_ms(); }
  // The disk takes its time, so that the next commit is prepared meanwhile.
  void post(node::Lane lane, Task task) override {
    world_.after(lane == node::Lane::kDisk ? world_.below(3) : 0, in(life_, std::move(task)));
  }
  void after(std::uint64_t delay_ms, node::Lane, Task task) override {
    world_.after(delay_ms, in(life_, std::move(task)));
  }
  void fill_random(std::span<std::uint8_t> out) override { world_.fill(out); }

 private:
  World& world_;
  std::shared_ptr<char> life_;
};

inline void World::run(std::uint64_t until_ms, const std::function<bool()>& done) {
  while (!queue_.empty() && queue_.top().time_ms <= until_ms) {
    const Event event = queue_.top();
    queue_.pop();
    now_ms_ = std::max(now_ms_, event.time_ms);
    ++ran_;
    mark(event.time_ms);
    mark(event.number);
    (*event.task)();
    if (after_each_) after_each_();
    if (done && done()) return;
  }
  now_ms_ = std::max(now_ms_, until_ms);
}

}  // namespace tocsin::simulation
