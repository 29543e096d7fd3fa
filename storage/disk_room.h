#pragma once
// DiskRoom: how much the disk under the store still takes, and the room kept on it for corrections.
//
// RocksDB that meets a full disk half-way through a write must be opened again before it takes anything. So
// nothing ordinary is begun when less than `reserve` is left, which covers what RocksDB still has to flush;
// and a file of an eighth of that is held from the start, given up when somebody else has filled the rest: a
// retraction can be written then, and the store be opened. The file comes back with the room.
//
// Guarantee: admit() never blocks on the disk for longer than asking it takes. Errors: kResourceExhausted
// "storage/full". Concurrency: any thread. Source: reliability I10; storage/DESIGN.md.

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "crypto/base/result.h"

namespace tocsin::storage {

class DiskRoom {
 public:
  // The file is `folder`/reserve. It is given up at once when the disk is full, so call it before the store
  // is opened. 0 bytes: nothing is watched and no file is kept.
  static std::unique_ptr<DiskRoom> open(const std::string& folder, std::uint64_t reserve_bytes);

  // Whether something may be written now; corrections may use what is reserved.
  Status admit(bool correction);
  // The same for ordinary writes, without touching the file: for /healthz.
  Status health() const;
  // What the disk has left for this process; all there is when it cannot be asked.
  std::uint64_t left_bytes() const;

 private:
  DiskRoom(std::string folder, std::uint64_t reserve_bytes);
  std::uint64_t file_bytes() const { return reserve_bytes_ / 8; }
  void give_up_file();
  void keep_file();

  const std::string folder_;
  const std::uint64_t reserve_bytes_;
  std::mutex mu_;
  bool kept_ = false;  // the file is there; guarded by mu_
};

}  // namespace tocsin::storage
