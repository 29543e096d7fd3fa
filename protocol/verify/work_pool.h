#pragma once
// Threads that share a loop: what an audit hashes and verifies side by side.
//
// Guarantee: run() returns when every call has returned; with one thread the caller does all the work and no
// thread is started. The function must not throw and must not call run(). Concurrency: run() belongs to one
// thread at a time.

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace tocsin::protocol {

class WorkPool {
 public:
  // The caller's thread counts; 0: as many as the machine has processors.
  explicit WorkPool(unsigned threads);
  WorkPool(const WorkPool&) = delete;
  WorkPool& operator=(const WorkPool&) = delete;
  ~WorkPool();

  // work(i) once for each i in [0, count), in any order.
  void run(std::size_t count, const std::function<void(std::size_t)>& work);
  std::size_t threads() const { return workers_.size() + 1; }

 private:
  void serve();
  void take_shares();

  std::mutex mu_;
  std::condition_variable begun_, ended_;
  const std::function<void(std::size_t)>* work_ = nullptr;
  std::atomic<std::size_t> next_ = 0;
  std::size_t count_ = 0;
  std::size_t busy_ = 0;
  std::uint64_t round_ = 0;
  bool stopping_ = false;
  std::vector<std::thread> workers_;
};

}  // namespace tocsin::protocol
