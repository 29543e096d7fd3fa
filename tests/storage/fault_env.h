#pragma once
// A machine that loses power: RocksDB's in-memory files, of which what was not synced survives a cut only by
// luck, and which can be told to break in the middle of some later write or sync.

#include <algorithm>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <vector>

#include <rocksdb/env.h>

namespace tocsin::storage {

class FaultEnv : public rocksdb::EnvWrapper {
 public:
  FaultEnv() : FaultEnv(std::unique_ptr<rocksdb::Env>(rocksdb::NewMemEnv(rocksdb::Env::Default()))) {}
  const char* Name() const override { return "FaultEnv"; }

  // After `operations` more writes and syncs the disk is gone; a write then leaves half of itself behind.
  void break_after(std::uint64_t operations) {
    const std::lock_guard lock(mu_);
    left_ = operations;
  }
  bool is_broken() const {
    const std::lock_guard lock(mu_);
    return left_ == 0;
  }
  // Whatever was not synced is gone, and the disk works again. No file may be open.
  void cut_power() { cut(nullptr); }
  // As above, but some sectors of what was not synced had reached the disk, in no order.
  void cut_power(std::mt19937_64& luck) { cut(&luck); }

  rocksdb::Status NewWritableFile(const std::string& name, std::unique_ptr<rocksdb::WritableFile>* file,
                                  const rocksdb::EnvOptions& options) override {
    std::unique_ptr<rocksdb::WritableFile> inner;
    rocksdb::Status status = EnvWrapper::NewWritableFile(name, &inner, options);
    if (!status.ok()) return status;
    {
      const std::lock_guard lock(mu_);
      synced_[name] = 0;
      over_.erase(name);
    }
    *file = std::make_unique<File>(std::move(inner), *this, name);
    return status;
  }
  rocksdb::Status NewRandomRWFile(const std::string& name, std::unique_ptr<rocksdb::RandomRWFile>* file,
                                  const rocksdb::EnvOptions& options) override {
    std::unique_ptr<rocksdb::RandomRWFile> inner;
    rocksdb::Status status = EnvWrapper::NewRandomRWFile(name, &inner, options);
    if (status.ok()) *file = std::make_unique<OverFile>(std::move(inner), *this, name);
    return status;
  }
  rocksdb::Status RenameFile(const std::string& from, const std::string& to) override {
    const std::lock_guard lock(mu_);
    if (const auto found = synced_.find(from); found != synced_.end()) {
      synced_[to] = found->second;
      synced_.erase(from);
    }
    return EnvWrapper::RenameFile(from, to);
  }
  rocksdb::Status DeleteFile(const std::string& name) override {
    const std::lock_guard lock(mu_);
    synced_.erase(name);
    over_.erase(name);
    return EnvWrapper::DeleteFile(name);
  }
  // Every file there is now.
  std::vector<std::string> files() const {
    std::vector<std::string> out;
    for (const auto& [name, size] : synced_)
      if (memory_->FileExists(name).ok()) out.push_back(name);
    return out;
  }

 private:
  static constexpr std::size_t kSector = 512;
  // What stood where something was written over and not synced, by sector.
  using Sectors = std::map<std::uint64_t, std::string>;

  class File : public rocksdb::WritableFileWrapper {
   public:
    File(std::unique_ptr<rocksdb::WritableFile> file, FaultEnv& env, std::string name)
        : WritableFileWrapper(file.get()), file_(std::move(file)), env_(env), name_(std::move(name)) {}
    rocksdb::Status Append(const rocksdb::Slice& data) override {
      if (env_.works()) return WritableFileWrapper::Append(data);
      (void)WritableFileWrapper::Append(rocksdb::Slice(data.data(), data.size() / 2));
      return rocksdb::Status::IOError("the disk is gone");
    }
    rocksdb::Status Append(const rocksdb::Slice& data, const rocksdb::DataVerificationInfo&) override {
      return Append(data);
    }
    rocksdb::Status Sync() override {
      if (!env_.works()) return rocksdb::Status::IOError("the disk is gone");
      const std::lock_guard lock(env_.mu_);
      env_.synced_[name_] = file_->GetFileSize();
      return WritableFileWrapper::Sync();
    }
    rocksdb::Status Fsync() override { return Sync(); }

   private:
    std::unique_ptr<rocksdb::WritableFile> file_;
    FaultEnv& env_;
    const std::string name_;
  };

  class OverFile : public rocksdb::RandomRWFileWrapper {
   public:
    OverFile(std::unique_ptr<rocksdb::RandomRWFile> file, FaultEnv& env, std::string name)
        : RandomRWFileWrapper(file.get()), file_(std::move(file)), env_(env), name_(std::move(name)) {}
    rocksdb::Status Write(std::uint64_t offset, const rocksdb::Slice& data) override {
      remember(offset, data.size());
      if (env_.works()) return RandomRWFileWrapper::Write(offset, data);
      (void)RandomRWFileWrapper::Write(offset, rocksdb::Slice(data.data(), data.size() / 2));
      return rocksdb::Status::IOError("the disk is gone");
    }
    rocksdb::Status Sync() override {
      if (!env_.works()) return rocksdb::Status::IOError("the disk is gone");
      const std::lock_guard lock(env_.mu_);
      env_.over_.erase(name_);
      return RandomRWFileWrapper::Sync();
    }
    rocksdb::Status Fsync() override { return Sync(); }

   private:
    void remember(std::uint64_t offset, std::size_t size) {
      const std::lock_guard lock(env_.mu_);
      Sectors& sectors = env_.over_[name_];
      for (std::uint64_t at = offset / kSector * kSector; at < offset + size; at += kSector) {
        if (sectors.contains(at)) continue;
        std::string before(kSector, '\0');
        rocksdb::Slice got;
        if (RandomRWFileWrapper::Read(at, kSector, &got, before.data()).ok()) sectors[at] = got.ToString();
      }
    }

    std::unique_ptr<rocksdb::RandomRWFile> file_;
    FaultEnv& env_;
    const std::string name_;
  };

  explicit FaultEnv(std::unique_ptr<rocksdb::Env> memory)
      : EnvWrapper(memory.get()), memory_(std::move(memory)) {}
  bool works() {
    const std::lock_guard lock(mu_);
    if (left_ == 0) return false;
    if (left_ != UINT64_MAX) --left_;
    return true;
  }
  void cut(std::mt19937_64* luck) {
    left_ = UINT64_MAX;
    for (auto& [name, size] : synced_) {
      std::string content;
      if (!rocksdb::ReadFileToString(memory_.get(), name, &content).ok()) continue;
      const std::string whole = content;
      if (content.size() > size) lose_tail(content, size, luck);
      lose_sectors(name, content, luck);
      if (content != whole) (void)rocksdb::WriteStringToFile(memory_.get(), content, name, true);
      size = std::min<std::uint64_t>(size, content.size());
      if (luck != nullptr) size = content.size();
    }
    over_.clear();
  }
  // Of a file that grew: nothing, or a part of what is behind the synced length, with holes.
  static void lose_tail(std::string& content, std::uint64_t size, std::mt19937_64* luck) {
    if (luck == nullptr) return content.resize(size);
    content.resize(size + (*luck)() % (content.size() - size + 1));
    if ((*luck)() % 2 == 0) return;
    for (std::uint64_t at = (size + kSector - 1) / kSector * kSector; at + kSector <= content.size();
         at += kSector)
      if ((*luck)() % 4 == 0) content.replace(at, kSector, kSector, '\0');
  }
  void lose_sectors(const std::string& name, std::string& content, std::mt19937_64* luck) const {
    const auto found = over_.find(name);
    if (found == over_.end()) return;
    const std::uint64_t kept_of_4 = luck == nullptr ? 0 : (*luck)() % 5;
    for (const auto& [at, before] : found->second)
      if (luck == nullptr || (*luck)() % 4 >= kept_of_4) content.replace(at, before.size(), before);
  }

  std::unique_ptr<rocksdb::Env> memory_;
  mutable std::mutex mu_;  // guards what follows: RocksDB flushes beside the writer
  std::map<std::string, std::uint64_t> synced_;
  std::map<std::string, Sectors> over_;
  std::uint64_t left_ = UINT64_MAX;
};

}  // namespace tocsin::storage
