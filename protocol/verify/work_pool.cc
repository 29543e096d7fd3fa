#include "protocol/verify/work_pool.h"

#include <algorithm>

namespace tocsin::protocol {

WorkPool::WorkPool(unsigned threads) {
  if (threads == 0) threads = std::max(1U, std::thread::hardware_concurrency());
  for (unsigned i = 1; i < threads; ++i) workers_.emplace_back([this] { serve(); });
}

WorkPool::~WorkPool() {
  {
    std::lock_guard guard(mu_);
    stopping_ = true;
  }
  begun_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void WorkPool::take_shares() {
  for (std::size_t i = next_.fetch_add(1); i < count_; i = next_.fetch_add(1)) (*work_)(i);
}

void WorkPool::serve() {
  std::uint64_t seen = 0;
  std::unique_lock lock(mu_);
  while (true) {
    begun_.wait(lock, [&] { return stopping_ || round_ != seen; });
    if (stopping_) return;
    seen = round_;
    lock.unlock();
    take_shares();
    lock.lock();
    if (--busy_ == 0) ended_.notify_one();
  }
}

void WorkPool::run(std::size_t count, const std::function<void(std::size_t)>& work) {
  if (workers_.empty() || count < 2) {
    for (std::size_t i = 0; i < count; ++i) work(i);
    return;
  }
  {
    std::lock_guard guard(mu_);
    work_ = &work;
    count_ = count;
    next_ = 0;
    busy_ = workers_.size();
    ++round_;
  }
  begun_.notify_all();
  take_shares();
  std::unique_lock lock(mu_);
  ended_.wait(lock, [this] { return busy_ == 0; });
}

}  // namespace tocsin::protocol
