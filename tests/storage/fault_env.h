#pragma once
// A machine that loses power: RocksDB's in-memory files, of which only what was synced survives a cut, and
// which can be told to break in the middle of some later write or sync.

#include <map>
#include <memory>
#include <string>
#include <vector>

#include <rocksdb/env.h>

namespace tocsin::storage {

class FaultEnv : public rocksdb::EnvWrapper {
 public:
  FaultEnv() : FaultEnv(std::unique_ptr<rocksdb::Env>(rocksdb::NewMemEnv(rocksdb::Env::Default()))) {}
  const char* Name() const override { return "FaultEnv"; }

  // After `operations` more writes and syncs the disk is gone; a write then leaves half of itself behind.
  void break_after(std::uint64_t operations) { left_ = operations; }
  bool is_broken() const { return left_ == 0; }
  // Whatever was not synced is gone, and the disk works again. No file may be open.
  void cut_power() {
    left_ = UINT64_MAX;
    for (const auto& [name, size] : synced_) {
      std::string content;
      if (!rocksdb::ReadFileToString(memory_.get(), name, &content).ok() || content.size() <= size) continue;
      content.resize(size);
      (void)rocksdb::WriteStringToFile(memory_.get(), content, name, true);
    }
  }

  rocksdb::Status NewWritableFile(const std::string& name, std::unique_ptr<rocksdb::WritableFile>* file,
                                  const rocksdb::EnvOptions& options) override {
    std::unique_ptr<rocksdb::WritableFile> inner;
    rocksdb::Status status = EnvWrapper::NewWritableFile(name, &inner, options);
    if (!status.ok()) return status;
    synced_[name] = 0;
    *file = std::make_unique<File>(std::move(inner), *this, name);
    return status;
  }
  rocksdb::Status RenameFile(const std::string& from, const std::string& to) override {
    if (const auto found = synced_.find(from); found != synced_.end()) {
      synced_[to] = found->second;
      synced_.erase(from);
    }
    return EnvWrapper::RenameFile(from, to);
  }
  rocksdb::Status DeleteFile(const std::string& name) override {
    synced_.erase(name);
    return EnvWrapper::DeleteFile(name);
  }

 private:
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
      env_.synced_[name_] = file_->GetFileSize();
      return WritableFileWrapper::Sync();
    }
    rocksdb::Status Fsync() override { return Sync(); }

   private:
    std::unique_ptr<rocksdb::WritableFile> file_;
    FaultEnv& env_;
    const std::string name_;
  };

  explicit FaultEnv(std::unique_ptr<rocksdb::Env> memory)
      : EnvWrapper(memory.get()), memory_(std::move(memory)) {}
  bool works() {
    if (left_ == 0) return false;
    if (left_ != UINT64_MAX) --left_;
    return true;
  }

  std::unique_ptr<rocksdb::Env> memory_;
  std::map<std::string, std::uint64_t> synced_;
  std::uint64_t left_ = UINT64_MAX;
};

}  // namespace tocsin::storage
