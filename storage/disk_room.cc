#include "storage/disk_room.h"

#include <limits>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

namespace tocsin::storage {

DiskRoom::DiskRoom(std::string folder, std::uint64_t reserve_bytes)
    : folder_(std::move(folder)), reserve_bytes_(reserve_bytes) {}

std::unique_ptr<DiskRoom> DiskRoom::open(const std::string& folder, std::uint64_t reserve_bytes) {
  std::unique_ptr<DiskRoom> room(new DiskRoom(folder, reserve_bytes));
  if (reserve_bytes == 0) return room;
  struct stat info {};
  room->kept_ = ::stat((folder + "/reserve").c_str(), &info) == 0;
  const std::uint64_t left = room->left_bytes();
  if (left < room->file_bytes()) room->give_up_file();
  // Another size was asked for the last time.
  if (room->kept_ && static_cast<std::uint64_t>(info.st_size) != room->file_bytes()) room->give_up_file();
  if (!room->kept_) room->keep_file();
  return room;
}

std::uint64_t DiskRoom::left_bytes() const {
  struct statvfs info {};
  if (::statvfs(folder_.c_str(), &info) != 0) return std::numeric_limits<std::uint64_t>::max();
  return static_cast<std::uint64_t>(info.f_bavail) * info.f_frsize;
}

void DiskRoom::give_up_file() {
  ::unlink((folder_ + "/reserve").c_str());
  kept_ = false;
}

// Only where it takes nothing from what ordinary writes need.
void DiskRoom::keep_file() {
  if (left_bytes() < reserve_bytes_ + file_bytes()) return;
  const std::string path = folder_ + "/reserve";
  const int fd = ::open(path.c_str(), O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return;
  kept_ = ::posix_fallocate(fd, 0, static_cast<off_t>(file_bytes())) == 0;
  ::close(fd);
  if (!kept_) ::unlink(path.c_str());
}

Status DiskRoom::admit(bool correction) {
  if (reserve_bytes_ == 0) return {};
  const std::uint64_t left = left_bytes();
  const std::lock_guard lock(mu_);
  if (correction) {
    if (kept_ && left < file_bytes()) give_up_file();
    return {};
  }
  TRY(health());
  if (!kept_) keep_file();
  return {};
}

Status DiskRoom::health() const {
  const std::uint64_t left = left_bytes();
  if (left >= reserve_bytes_) return {};
  return fail(Error{
      Code::kResourceExhausted,
      "the disk is nearly full: " + std::to_string(left >> 20) + " MiB are left under " + folder_,
      "storage/full", "the last " + std::to_string(reserve_bytes_ >> 20) + " MiB are kept for retractions",
      "make room on that disk: writing goes on by itself"});
}

}  // namespace tocsin::storage
