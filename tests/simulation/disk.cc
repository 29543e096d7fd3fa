#include "tests/simulation/disk.h"

#include <algorithm>
#include <cstring>
#include <deque>
#include <map>
#include <set>
#include <string>

#include <rocksdb/env.h>
#include <rocksdb/file_system.h>
#include <rocksdb/system_clock.h>
#include <rocksdb/version.h>

#include "crypto/base/bytes.h"

namespace tocsin::simulation {
namespace {

using rocksdb::FileOptions;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;

constexpr std::size_t kSector = 512;

// A file's bytes; names point at it.
struct Inode {
  std::string bytes;
  std::size_t synced = 0;
  std::map<std::size_t, std::string> over;  // what stood in sectors written over and not synced
};
using InodePtr = std::shared_ptr<Inode>;

std::string normal(std::string path) {  // RocksDB says /store/ and /store//x too
  std::string out;
  for (const char c : path)
    if (c != '/' || out.empty() || out.back() != '/') out.push_back(c);
  if (out.size() > 1 && out.back() == '/') out.pop_back();
  return out;
}

std::string folder_of(const std::string& path) {
  return path.substr(0, path.rfind('/'));
}

bool is_log(const std::string& path) {
  return path.ends_with(".log");
}

enum class Outcome : std::uint8_t {
  kTaken,
  kCut,      // the write in which the power goes: done in part, perhaps
  kRefused,  // after that
};

class SilentLogger : public rocksdb::Logger {
 public:
  using rocksdb::Logger::Logv;
  void Logv(const char*, va_list) override {}
};

// Virtual time, and what RocksDB sleeps on top of it.
class Clock : public rocksdb::SystemClock {
 public:
  explicit Clock(World& world) : world_(world) {}
  const char* Name() const override { return "SimulatedClock"; }
  std::uint64_t NowMicros() override { return world_.now_ms() * 1000 + slept_; }
  void SleepForMicroseconds(int micros) override { slept_ += static_cast<std::uint64_t>(micros); }
  rocksdb::Status GetCurrentTime(std::int64_t* time) override {
    *time = static_cast<std::int64_t>(world_.now_ms() / 1000);
    return rocksdb::Status::OK();
  }
  std::string TimeToString(std::uint64_t time) override { return std::to_string(time); }

 private:
  World& world_;
  std::uint64_t slept_ = 0;
};

class SequentialFile : public rocksdb::FSSequentialFile {
 public:
  explicit SequentialFile(InodePtr inode) : inode_(std::move(inode)) {}
  IOStatus Read(std::size_t n, const IOOptions&, rocksdb::Slice* result, char* scratch,
                IODebugContext*) override {
    n = std::min(n, inode_->bytes.size() - std::min(at_, inode_->bytes.size()));
    std::memcpy(scratch, inode_->bytes.data() + at_, n);
    at_ += n;
    *result = rocksdb::Slice(scratch, n);
    return IOStatus::OK();
  }
  IOStatus Skip(std::uint64_t n) override {
    at_ = std::min<std::size_t>(at_ + n, inode_->bytes.size());
    return IOStatus::OK();
  }

 private:
  const InodePtr inode_;
  std::size_t at_ = 0;
};

class RandomAccessFile : public rocksdb::FSRandomAccessFile {
 public:
  explicit RandomAccessFile(InodePtr inode) : inode_(std::move(inode)) {}
  IOStatus Read(std::uint64_t offset, std::size_t n, const IOOptions&, rocksdb::Slice* result, char* scratch,
                IODebugContext*) const override {
    const std::size_t from = std::min<std::size_t>(offset, inode_->bytes.size());
    n = std::min(n, inode_->bytes.size() - from);
    std::memcpy(scratch, inode_->bytes.data() + from, n);
    *result = rocksdb::Slice(scratch, n);
    return IOStatus::OK();
  }

 private:
  const InodePtr inode_;
};

IOStatus gone() {
  return IOStatus::IOError("the disk is gone");
}

class Lock : public rocksdb::FileLock {
 public:
  explicit Lock(std::string p) : path(std::move(p)) {}
  const std::string path;
};

}  // namespace

class Disk::Files : public rocksdb::FileSystem {
 public:
  explicit Files(World& world) : world_(world) {}
  const char* Name() const override { return "SimulatedFiles"; }

  IOStatus NewSequentialFile(const std::string& path, const FileOptions&,
                             std::unique_ptr<rocksdb::FSSequentialFile>* result, IODebugContext*) override {
    const InodePtr inode = find(path);
    if (!inode) return absent(path);
    *result = std::make_unique<SequentialFile>(inode);
    return IOStatus::OK();
  }
  IOStatus NewRandomAccessFile(const std::string& path, const FileOptions&,
                               std::unique_ptr<rocksdb::FSRandomAccessFile>* result,
                               IODebugContext*) override {
    const InodePtr inode = find(path);
    if (!inode) return absent(path);
    *result = std::make_unique<RandomAccessFile>(inode);
    return IOStatus::OK();
  }
  IOStatus NewWritableFile(const std::string& path, const FileOptions& options,
                           std::unique_ptr<rocksdb::FSWritableFile>* result, IODebugContext*) override;
  IOStatus NewRandomRWFile(const std::string& path, const FileOptions& options,
                           std::unique_ptr<rocksdb::FSRandomRWFile>* result, IODebugContext*) override;
  IOStatus NewDirectory(const std::string& path, const IOOptions&,
                        std::unique_ptr<rocksdb::FSDirectory>* result, IODebugContext*) override;

  IOStatus FileExists(const std::string& path, const IOOptions&, IODebugContext*) override {
    return live_.contains(normal(path)) || folders_.contains(normal(path)) ? IOStatus::OK()
                                                                           : IOStatus::NotFound(path);
  }
  IOStatus GetChildren(const std::string& folder, const IOOptions&, std::vector<std::string>* result,
                       IODebugContext*) override {
    const std::string parent = normal(folder);
    if (!folders_.contains(parent)) return absent(folder);
    result->clear();
    for (const auto& [path, inode] : live_)
      if (folder_of(path) == parent) result->push_back(path.substr(parent.size() + 1));
    return IOStatus::OK();
  }
  IOStatus DeleteFile(const std::string& path, const IOOptions&, IODebugContext*) override {
    if (write(kDelete, path, 0) != Outcome::kTaken) return gone();
    return live_.erase(normal(path)) == 1 ? IOStatus::OK() : absent(path);
  }
  IOStatus CreateDir(const std::string& path, const IOOptions&, IODebugContext*) override {
    folders_.insert(normal(path));  // made before the node ran, in effect
    return IOStatus::OK();
  }
  IOStatus CreateDirIfMissing(const std::string& path, const IOOptions& options,
                              IODebugContext* debug) override {
    return CreateDir(path, options, debug);
  }
  IOStatus DeleteDir(const std::string& path, const IOOptions&, IODebugContext*) override {
    folders_.erase(normal(path));
    return IOStatus::OK();
  }
  IOStatus GetFileSize(const std::string& path, const IOOptions&, std::uint64_t* size,
                       IODebugContext*) override {
    const InodePtr inode = find(path);
    if (!inode) return absent(path);
    *size = inode->bytes.size();
    return IOStatus::OK();
  }
  IOStatus GetFileModificationTime(const std::string&, const IOOptions&, std::uint64_t* time,
                                   IODebugContext*) override {
    *time = world_.now_ms() / 1000;
    return IOStatus::OK();
  }
  IOStatus RenameFile(const std::string& from, const std::string& to, const IOOptions&,
                      IODebugContext*) override {
    if (write(kRename, to, 0) != Outcome::kTaken) return gone();
    const auto found = live_.find(normal(from));
    if (found == live_.end()) return absent(from);
    live_[normal(to)] = found->second;
    live_.erase(found);
    return IOStatus::OK();
  }
  IOStatus LockFile(const std::string& path, const IOOptions&, rocksdb::FileLock** lock,
                    IODebugContext*) override {
    if (!locks_.insert(normal(path)).second) return IOStatus::IOError("locked", path);
    *lock = new Lock(normal(path));
    return IOStatus::OK();
  }
  IOStatus UnlockFile(rocksdb::FileLock* lock, const IOOptions&, IODebugContext*) override {
    const std::unique_ptr<Lock> ours(static_cast<Lock*>(lock));
    locks_.erase(ours->path);
    return IOStatus::OK();
  }
  IOStatus GetTestDirectory(const IOOptions&, std::string* path, IODebugContext*) override {
    *path = "/test";
    return IOStatus::OK();
  }
  IOStatus GetAbsolutePath(const std::string& path, const IOOptions&, std::string* out,
                           IODebugContext*) override {
    *out = normal(path);
    return IOStatus::OK();
  }
  IOStatus IsDirectory(const std::string& path, const IOOptions&, bool* is, IODebugContext*) override {
    *is = folders_.contains(normal(path));
    return IOStatus::OK();
  }
  IOStatus NewLogger(const std::string&, const IOOptions&, std::shared_ptr<rocksdb::Logger>* result,
                     IODebugContext*) override {
    *result = std::make_shared<SilentLogger>();
    return IOStatus::OK();
  }

  enum Kind : std::uint8_t { kAppend, kSync, kCreate, kDelete, kRename, kSyncFolder };
  Outcome write(Kind kind, const std::string& path, std::size_t bytes) {
    if (frozen) return Outcome::kRefused;
    if (kind == kCreate && path.ends_with(".sst")) ++tables;
    world_.mark((static_cast<std::uint64_t>(kind) << 56) ^ (bytes << 16) ^ path.size());
    if (!countdown || --*countdown > 0) return Outcome::kTaken;
    countdown.reset();
    frozen = !once;
    return Outcome::kCut;
  }
  void sync_folder(const std::string& folder);
  void lose();
  Image image() const {
    Image out;
    for (const auto& [path, inode] : live_) out[path] = inode->bytes;
    return out;
  }
  void put_back(const Image& image) {
    live_.clear();
    for (const auto& [path, bytes] : image)
      if (!path.ends_with(".anchor")) live_[path] = std::make_shared<Inode>(Inode{bytes, bytes.size(), {}});
    safe_ = live_;
  }

  bool frozen = false;
  std::optional<std::uint64_t> countdown;
  bool once = false;  // the write counted down to fails alone
  std::uint64_t tables = 0;
  Losses losses;

  void copy_of(const Files& other) {
    std::map<InodePtr, InodePtr> copies;  // two names of one file stay that
    const auto copy = [&](const std::map<std::string, InodePtr>& from, std::map<std::string, InodePtr>& to) {
      to.clear();
      for (const auto& [path, inode] : from) {
        InodePtr& mine = copies[inode];
        if (!mine) mine = std::make_shared<Inode>(*inode);
        to[path] = mine;
      }
    };
    copy(other.live_, live_);
    copy(other.safe_, safe_);
    folders_ = other.folders_;
  }

 private:
  static IOStatus absent(const std::string& path) { return IOStatus::PathNotFound("no such file", path); }
  InodePtr find(const std::string& path) const {
    const auto found = live_.find(normal(path));
    return found == live_.end() ? nullptr : found->second;
  }
  void tear(const std::string& path, Inode& inode);

  World& world_;
  std::map<std::string, InodePtr> live_, safe_;  // names now; names after a power cut, at the least
  std::set<std::string> folders_;
  std::set<std::string> locks_;
};

namespace {

class WritableFile : public rocksdb::FSWritableFile {
 public:
  using Sink = std::function<Outcome(bool sync, std::size_t bytes)>;
  WritableFile(const FileOptions& options, InodePtr inode, Sink take)
      : FSWritableFile(options), inode_(std::move(inode)), take_(std::move(take)) {}

  using FSWritableFile::Append;
  IOStatus Append(const rocksdb::Slice& data, const IOOptions&, IODebugContext*) override {
    const Outcome outcome = take_(false, data.size());
    if (outcome != Outcome::kRefused) inode_->bytes.append(data.data(), data.size());
    return outcome == Outcome::kTaken ? IOStatus::OK() : gone();
  }
  IOStatus Truncate(std::uint64_t size, const IOOptions&, IODebugContext*) override {
    if (take_(false, 0) != Outcome::kTaken) return gone();
    inode_->bytes.resize(size);
    inode_->synced = std::min<std::size_t>(inode_->synced, size);
    return IOStatus::OK();
  }
  IOStatus Sync(const IOOptions&, IODebugContext*) override {
    if (take_(true, 0) != Outcome::kTaken) return gone();
    inode_->synced = inode_->bytes.size();
    return IOStatus::OK();
  }
  IOStatus Close(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }
  IOStatus Flush(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }
  bool IsSyncThreadSafe() const override { return true; }
  std::uint64_t GetFileSize(const IOOptions&, IODebugContext*) override { return inode_->bytes.size(); }

 private:
  const InodePtr inode_;
  const Sink take_;
};

// Written over in place: the length is safe, the sectors are not until a sync.
class OverFile : public rocksdb::FSRandomRWFile {
 public:
  OverFile(InodePtr inode, WritableFile::Sink take) : inode_(std::move(inode)), take_(std::move(take)) {}

  IOStatus Write(std::uint64_t offset, const rocksdb::Slice& data, const IOOptions&,
                 IODebugContext*) override {
    CHECK_INVARIANT(offset + data.size() <= inode_->bytes.size());
    const Outcome outcome = take_(false, data.size());
    if (outcome == Outcome::kRefused) return gone();
    for (std::size_t at = offset / kSector * kSector; at < offset + data.size(); at += kSector)
      inode_->over.try_emplace(at, inode_->bytes.substr(at, kSector));
    const std::size_t done = outcome == Outcome::kTaken ? data.size() : data.size() / 2;
    inode_->bytes.replace(offset, done, data.data(), done);
    return outcome == Outcome::kTaken ? IOStatus::OK() : gone();
  }
  IOStatus Read(std::uint64_t offset, std::size_t n, const IOOptions&, rocksdb::Slice* result, char* scratch,
                IODebugContext*) const override {
    const std::size_t from = std::min<std::size_t>(offset, inode_->bytes.size());
    n = std::min(n, inode_->bytes.size() - from);
    std::memcpy(scratch, inode_->bytes.data() + from, n);
    *result = rocksdb::Slice(scratch, n);
    return IOStatus::OK();
  }
  IOStatus Sync(const IOOptions&, IODebugContext*) override {
    if (take_(true, 0) != Outcome::kTaken) return gone();
    inode_->over.clear();
    return IOStatus::OK();
  }
  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override { return Sync(options, debug); }
  IOStatus Flush(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }
  IOStatus Close(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }

 private:
  const InodePtr inode_;
  const WritableFile::Sink take_;
};

class Directory : public rocksdb::FSDirectory {
 public:
  explicit Directory(std::function<IOStatus()> sync) : sync_(std::move(sync)) {}
  IOStatus Fsync(const IOOptions&, IODebugContext*) override { return sync_(); }
  IOStatus Close(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }

 private:
  const std::function<IOStatus()> sync_;
};

}  // namespace

IOStatus Disk::Files::NewWritableFile(const std::string& name, const FileOptions& options,
                                      std::unique_ptr<rocksdb::FSWritableFile>* result, IODebugContext*) {
  const std::string path = normal(name);
#if ROCKSDB_MAJOR < 8
  // RocksDB's note to people of its settings; refusing it is no fault to RocksDB, writing it costs more than
  // all else. Later versions insist on it.
  if (path.find("/OPTIONS-") != std::string::npos) return IOStatus::NotSupported("no notes");
#endif
  if (write(kCreate, path, 0) != Outcome::kTaken) return gone();
  const auto inode = std::make_shared<Inode>();
  live_[path] = inode;
  *result = std::make_unique<WritableFile>(options, inode, [this, path](bool sync, std::size_t bytes) {
    return write(sync ? kSync : kAppend, path, bytes);
  });
  return IOStatus::OK();
}

IOStatus Disk::Files::NewRandomRWFile(const std::string& name, const FileOptions&,
                                      std::unique_ptr<rocksdb::FSRandomRWFile>* result, IODebugContext*) {
  const std::string path = normal(name);
  const InodePtr inode = find(path);
  if (!inode) return absent(path);
  *result = std::make_unique<OverFile>(inode, [this, path](bool sync, std::size_t bytes) {
    return write(sync ? kSync : kAppend, path, bytes);
  });
  return IOStatus::OK();
}

IOStatus Disk::Files::NewDirectory(const std::string& name, const IOOptions&,
                                   std::unique_ptr<rocksdb::FSDirectory>* result, IODebugContext*) {
  const std::string folder = normal(name) == "/" ? "" : normal(name);
  *result = std::make_unique<Directory>([this, folder] {
    if (write(kSyncFolder, folder, 0) != Outcome::kTaken) return gone();
    sync_folder(folder);
    return IOStatus::OK();
  });
  return IOStatus::OK();
}

void Disk::Files::sync_folder(const std::string& folder) {
  std::erase_if(safe_, [&](const auto& entry) { return folder_of(entry.first) == folder; });
  for (const auto& [path, inode] : live_)
    if (folder_of(path) == folder) safe_[path] = inode;
}

void Disk::Files::lose() {
  std::set<std::string> names;
  for (const auto& [path, inode] : live_) names.insert(path);
  for (const auto& [path, inode] : safe_) names.insert(path);
  std::map<std::string, InodePtr> after;
  for (const std::string& path : names) {
    const auto now = live_.find(path), before = safe_.find(path);
    const InodePtr newer = now == live_.end() ? nullptr : now->second;
    const InodePtr older = before == safe_.end() ? nullptr : before->second;
    const bool back = newer != older && world_.chance(50);
    if (back) ++losses.names;
    if (const InodePtr kept = back ? older : newer) after[path] = kept;
  }
  for (const auto& [path, inode] : after) tear(path, *inode);
  live_ = after;
  safe_ = std::move(after);
}

void Disk::Files::tear(const std::string& path, Inode& inode) {
  for (const auto& [at, before] : inode.over) {
    if (world_.chance(50)) continue;
    inode.bytes.replace(at, before.size(), before);
    losses.bytes += before.size();
  }
  inode.over.clear();
  const std::size_t unsynced = inode.bytes.size() - inode.synced;
  if (unsynced == 0) return;
  const std::size_t kept = world_.below(unsynced + 1);
  losses.bytes += unsynced - kept;
  if (kept > 0 && kept < unsynced) ++losses.torn;
  const std::size_t end = inode.bytes.size();
  inode.bytes.resize(inode.synced + kept);
  // The size may have reached the disk before the bytes: zeros, or whatever was there. Only in a log: file
  // systems that write data before sizes show neither, and RocksDB does not start on a manifest that has any.
  if (is_log(path) && kept > 0) {
    const std::uint64_t how = world_.below(100);
    const std::size_t bad = 1 + world_.below(std::min<std::size_t>(kept, 512));
    if (how < 20)
      for (std::size_t i = inode.bytes.size() - bad; i < inode.bytes.size(); ++i)
        inode.bytes[i] = static_cast<char>(world_.below(256));
    else if (how < 40)
      inode.bytes.resize(end, '\0');
  }
  inode.synced = inode.bytes.size();
}

// RocksDB's environment: our files and time, and its background jobs in a queue of their own.
class Disk::Background : public rocksdb::EnvWrapper {
 public:
  Background(World& world, std::shared_ptr<Files> files) : EnvWrapper(rocksdb::NewCompositeEnv(files)) {
    file_system_ = std::move(files);
    system_clock_ = std::make_shared<Clock>(world);
  }
  const char* Name() const override { return "SimulatedEnv"; }
  static const char* kClassName() { return "SimulatedEnv"; }

  void Schedule(void (*function)(void*), void* argument, Priority, void* tag,
                void (*forget)(void*)) override {
    jobs_.push_back({function, argument, tag, forget});
  }
  int UnSchedule(void* tag, Priority) override {
    int removed = 0;
    std::deque<Job> kept;
    for (const Job& job : jobs_) {
      if (job.tag != tag) {
        kept.push_back(job);
        continue;
      }
      if (job.forget != nullptr) job.forget(job.argument);
      ++removed;
    }
    jobs_ = std::move(kept);
    return removed;
  }
  unsigned int GetThreadPoolQueueLen(Priority) const override {
    return static_cast<unsigned int>(jobs_.size());
  }
  void SetBackgroundThreads(int, Priority) override {}
  void IncBackgroundThreadsIfNeeded(int, Priority) override {}

  void work() {
    while (!jobs_.empty()) {
      const Job job = jobs_.front();
      jobs_.pop_front();
      job.function(job.argument);
    }
  }

 private:
  struct Job {
    void (*function)(void*);
    void* argument;
    void* tag;
    void (*forget)(void*);
  };
  std::deque<Job> jobs_;
};

Disk::Disk(World& world)
    : files_(std::make_shared<Files>(world)), background_(std::make_unique<Background>(world, files_)) {}
Disk::~Disk() = default;

rocksdb::Env* Disk::env() {
  return background_.get();
}
void Disk::work() {
  background_->work();
}
void Disk::cut_power_after(std::uint64_t writes) {
  CHECK_INVARIANT(writes > 0);
  files_->countdown = writes;
  files_->once = false;
}
void Disk::fail_write_after(std::uint64_t writes) {
  CHECK_INVARIANT(writes > 0);
  files_->countdown = writes;
  files_->once = true;
}
void Disk::spare() {
  files_->countdown.reset();
}
void Disk::freeze() {
  files_->frozen = true;
}
bool Disk::frozen() const {
  return files_->frozen;
}
void Disk::thaw(bool power_lost) {
  if (power_lost) files_->lose();
  files_->frozen = false;
  files_->countdown.reset();
}
Disk::Image Disk::image() const {
  return files_->image();
}
void Disk::put_back(const Image& image) {
  files_->put_back(image);
}
void Disk::copy_of(const Disk& other) {
  files_->copy_of(*other.files_);
}
const Disk::Losses& Disk::losses() const {
  return files_->losses;
}
std::uint64_t Disk::tables() const {
  return files_->tables;
}

}  // namespace tocsin::simulation
