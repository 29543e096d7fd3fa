#include "protocol/verify/file_sums.h"

#include <algorithm>
#include <mutex>

namespace tocsin::protocol {
namespace {

constexpr std::size_t kPieceBytes = std::size_t{1} << 20;

}  // namespace

// Both lists are in ascending order, and the archive has the manifest and its signature besides.
void FileSums::expect(const Manifest& manifest, Report& report) {
  const auto absent = [&](std::string_view name) {
    report.missing("V2.absent", "The manifest lists " + std::string(name) + ", which is not in the bundle.");
  };
  expected_.resize(states_.size());
  auto line = manifest.files.begin();
  for (const TarEntry& file : bundle_.files()) {
    const std::size_t at = bundle_.position(file);
    if (file.name == kManifestFile || file.name == kManifestSignatureFile) {
      states_[at] = State::kExempt;
      continue;
    }
    for (; line != manifest.files.end() && line->name < file.name; ++line) absent(line->name);
    if (line == manifest.files.end() || line->name != file.name) continue;
    states_[at] = State::kUnseen;
    expected_[at] = line->sha256;
    ++line;
  }
  for (; line != manifest.files.end(); ++line) absent(line->name);
}

void FileSums::saw(const TarEntry& file, ByteView content) {
  const State state = states_[bundle_.position(file)];
  if (state == State::kUnseen || state == State::kRight) saw_hash(file, crypto::sha256(content));
}

void FileSums::saw_all(std::span<const Seen> files) {
  std::vector<const TarEntry*> asked;
  std::vector<ByteView> contents;
  for (const Seen& seen : files) {
    const State state = states_[bundle_.position(*seen.file)];
    if (state != State::kUnseen && state != State::kRight) continue;
    asked.push_back(seen.file);
    contents.push_back(seen.content);
  }
  std::vector<Hash> hashes(contents.size());
  crypto::sha256_each(contents, hashes);
  for (std::size_t i = 0; i < asked.size(); ++i) saw_hash(*asked[i], hashes[i]);
}

void FileSums::saw_hash(const TarEntry& file, const Hash& hash) {
  State& state = states_[bundle_.position(file)];
  if (state != State::kUnseen && state != State::kRight) return;
  state = expected_[bundle_.position(file)] == hash ? State::kRight : State::kWrong;
}

Status FileSums::finish(WorkPool& pool, Report& report) {
  if (expected_.empty()) return {};
  std::vector<std::size_t> unseen;
  for (std::size_t i = 0; i < states_.size(); ++i)
    if (states_[i] == State::kUnseen) unseen.push_back(i);
  std::mutex mu;
  Status status;
  pool.run(unseen.size(), [&](std::size_t i) {
    const TarEntry& file = bundle_.files()[unseen[i]];
    const auto hash = FileReader(bundle_, file).finish();
    if (hash) return saw_hash(file, *hash);
    std::lock_guard guard(mu);
    status = tl::unexpected<Error>(hash.error());
  });
  for (const TarEntry& file : bundle_.files()) {
    const State state = states_[bundle_.position(file)];
    if (state == State::kUnlisted)
      report.tampering("V2.unlisted", "The manifest does not list " + file.name + ".");
    if (state == State::kWrong)
      report.tampering("V2.file", file.name + " is not the file that the manifest was signed for.");
  }
  return status;
}

Result<ByteView> FileReader::peek(std::size_t count) {
  while (buffer_.size() - taken_ < count && at_ < file_.size) {
    buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(taken_));
    taken_ = 0;
    const std::size_t held = buffer_.size();
    const auto more = static_cast<std::size_t>(
        std::min<std::uint64_t>(std::max(kPieceBytes, count - held), file_.size - at_));
    buffer_.resize(held + more);
    TRY(bundle_.read(file_, at_, std::span(buffer_).subspan(held)));
    hash_.update(ByteView(buffer_).subspan(held));
    at_ += more;
  }
  return ByteView(buffer_).subspan(taken_, std::min(count, buffer_.size() - taken_));
}

Result<Hash> FileReader::finish() {
  while (remaining() != 0) {
    TRY_ASSIGN(const ByteView piece, peek(kPieceBytes));
    take(piece.size());
  }
  return hash_.finish();
}

}  // namespace tocsin::protocol
