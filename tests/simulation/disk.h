#pragma once
// Disk: one node's file system for RocksDB, in memory, which forgets what a real one forgets at a power cut.
//
// Bytes are safe after a sync of their file, those written over in place as well, names (made, moved,
// removed) after a sync of their directory. A power cut keeps of everything else what chance likes: a prefix
// of the bytes, zeros or garbage at a log's end, the old name or the new one. cut_power_after(n) makes the
// nth write from now on the one in which the power goes: it fails, perhaps half done, and so does every later
// one. RocksDB's background work waits until work() runs it in the caller's thread, so that the same seed
// gives the same order of writes. Concurrency: one thread. Source: reliability.md, fact 6.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "tests/simulation/world.h"

namespace rocksdb {
class Env;
}

namespace tocsin::simulation {

class Disk {
 public:
  struct Losses {
    std::uint64_t bytes = 0;  // written and not synced, then gone
    std::uint64_t torn = 0;   // files that kept a part of what was not synced
    std::uint64_t names = 0;  // directory entries that went back to what they were
  };

  explicit Disk(World& world);
  ~Disk();

  rocksdb::Env* env();
  // Runs what RocksDB has put aside for the background, until there is no more.
  void work();

  void cut_power_after(std::uint64_t writes);
  // The nth write from now on fails, those after it do not.
  void fail_write_after(std::uint64_t writes);
  // Forgets either.
  void spare();
  // From now on every write fails: the process is gone, or the power.
  void freeze();
  bool frozen() const;
  // Writes work again. Nothing may be open. `power_lost`: what was not synced is at the mercy of chance;
  // otherwise (the process alone died) every byte written is still there.
  void thaw(bool power_lost);
  // Everything on it as it is now, as a backup would have it.
  using Image = std::map<std::string, std::string>;
  Image image() const;
  // The disk is another one, with that on it and no anchor. Nothing may be open.
  void put_back(const Image& image);
  // Everything that lies on the other disk, as a thief would copy it. Neither has anything open.
  void copy_of(const Disk& other);
  const Losses& losses() const;
  std::uint64_t tables() const;  // written by flushes and compactions

 private:
  class Files;
  class Background;
  std::shared_ptr<Files> files_;
  std::unique_ptr<Background> background_;
};

}  // namespace tocsin::simulation
