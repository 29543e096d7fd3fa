#include "node/backup/archive.h"

#include <algorithm>

#include "crypto/base/encoding.h"
#include "crypto/random.h"
#include "crypto/stream_seal.h"

namespace tocsin::node {
namespace {

constexpr std::string_view kMagic = "tocsin-backup-v1\n";
constexpr std::string_view kInfo = "tocsin/backup/v1";
constexpr std::size_t kChunk = 256 * 1024;
constexpr std::size_t kHead = kMagic.size() + sizeof(crypto::WrappedKey) + 32 + sizeof(crypto::StreamHeader);
constexpr std::size_t kNameMax = 200;

tl::unexpected<Error> malformed(const char* what) {
  return fail(Code::kInvalidArgument, std::string("this is no whole backup: ") + what, "backup/format");
}

bool is_part(std::string_view part) {
  if (part.empty() || part.front() == '.') return false;
  return std::all_of(part.begin(), part.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  });
}

}  // namespace

bool is_archive_name(std::string_view name) {
  if (name.empty() || name.size() > kNameMax) return false;
  const std::size_t slash = name.find('/');
  if (slash == std::string_view::npos) return is_part(name);
  return is_part(name.substr(0, slash)) && is_part(name.substr(slash + 1));
}

struct ArchiveWriter::State {
  crypto::StreamSealer sealer;
  ByteSink sink;
  Bytes waiting;  // less than a chunk

  Status put(ByteView bytes) {
    while (!bytes.empty()) {
      const std::size_t room = std::min(bytes.size(), kChunk - waiting.size());
      append(waiting, bytes.first(room));
      bytes = bytes.subspan(room);
      if (waiting.size() == kChunk) TRY(flush(false));
    }
    return {};
  }
  Status flush(bool last) {
    const Bytes sealed = sealer.seal(waiting, last);
    Bytes out;
    append_be(out, static_cast<std::uint32_t>(sealed.size()));
    append(out, sealed);
    waiting.clear();
    return sink(out);
  }
};

ArchiveWriter::ArchiveWriter(std::unique_ptr<State> state) : state_(std::move(state)) {}
ArchiveWriter::~ArchiveWriter() = default;
ArchiveWriter::ArchiveWriter(ArchiveWriter&&) noexcept = default;

Result<ArchiveWriter> ArchiveWriter::begin(const crypto::KemPublicKey& recipient, ByteSink sink) {
  const crypto::DataKey key = crypto::random_secret<32>();
  TRY_ASSIGN(const auto wrapped,
             crypto::wrap_key(recipient, as_view(kInfo), key, crypto::random_secret<32>()));
  auto state = std::make_unique<State>(State{crypto::StreamSealer(key), std::move(sink), {}});
  Bytes head = to_bytes(as_view(kMagic));
  append(head, wrapped);
  append(head, crypto::key_commitment(key));
  append(head, state->sealer.header());
  TRY(state->sink(head));
  return ArchiveWriter(std::move(state));
}

Status ArchiveWriter::add(std::string_view name, std::uint64_t size, const ByteSource& content) {
  CHECK_INVARIANT(is_archive_name(name));
  Bytes head;
  append_be(head, static_cast<std::uint16_t>(name.size()));
  append(head, as_view(name));
  append_be(head, size);
  TRY(state_->put(head));
  while (size != 0) {
    TRY_ASSIGN(const Bytes bytes, content(static_cast<std::size_t>(std::min<std::uint64_t>(size, kChunk))));
    if (bytes.empty())
      return fail(Code::kDataLoss, std::string(name) + " ended before its size", "backup/changed");
    TRY(state_->put(bytes));
    size -= bytes.size();
  }
  return {};
}

Status ArchiveWriter::add(std::string_view name, ByteView content) {
  return add(name, content.size(), [&](std::size_t most) -> Result<Bytes> {
    const ByteView part = content.first(std::min(most, content.size()));
    content = content.subspan(part.size());
    return to_bytes(part);
  });
}

Status ArchiveWriter::finish() {
  TRY(state_->put(Bytes(2)));
  return state_->flush(true);
}

namespace {

// The sealed stream as plain bytes, chunk after chunk.
class Plain {
 public:
  static Result<Plain> begin(const crypto::KemKey& key, const ByteSource& source) {
    TRY_ASSIGN(const Bytes head, source(kHead));
    if (head.size() != kHead || !equal(ByteView(head).first(kMagic.size()), as_view(kMagic)))
      return malformed("it does not start as one");
    ByteView rest = ByteView(head).subspan(kMagic.size());
    TRY_ASSIGN(const auto data_key,
               crypto::unwrap_key(key, as_view(kInfo), rest.first(sizeof(crypto::WrappedKey))));
    rest = rest.subspan(sizeof(crypto::WrappedKey));
    if (!equal(rest.first(32), crypto::key_commitment(data_key)))
      return fail(Code::kDataLoss, "the backup's head was altered", "seal/damaged");
    TRY_ASSIGN(const auto header, fixed<24>(rest.subspan(32), "stream header"));
    return Plain(crypto::StreamOpener(data_key, header), source);
  }

  bool finished() const { return opener_.finished(); }
  // At least one byte and at most `most`; nothing is left at the stream's end: "backup/format".
  Result<ByteView> take(std::size_t most) {
    while (at_ == chunk_.size()) TRY(next());
    const ByteView out = ByteView(chunk_).subspan(at_, std::min(most, chunk_.size() - at_));
    at_ += out.size();
    return out;
  }
  Result<Bytes> exactly(std::size_t size) {
    Bytes out;
    while (out.size() < size) {
      TRY_ASSIGN(const ByteView part, take(size - out.size()));
      append(out, part);
    }
    return out;
  }
  // Nothing may follow the end entry.
  Status end() {
    if (at_ != chunk_.size() || !finished()) return malformed("something follows its end");
    TRY_ASSIGN(const Bytes more, source_(1));
    if (!more.empty()) return malformed("something follows its end");
    return {};
  }

 private:
  Plain(crypto::StreamOpener opener, const ByteSource& source)
      : opener_(std::move(opener)), source_(source) {}

  Status next() {
    if (finished()) return malformed("its list of files has no end");
    TRY_ASSIGN(const Bytes length_bytes, source_(4));
    if (length_bytes.size() != 4) return malformed("it is cut");
    const auto length = get_be<std::uint32_t>(length_bytes.data());
    if (length < crypto::kStreamChunkOverhead || length > kChunk + crypto::kStreamChunkOverhead)
      return malformed("a chunk has a size that no backup has");
    TRY_ASSIGN(const Bytes sealed, source_(length));
    if (sealed.size() != length) return malformed("it is cut");
    TRY_ASSIGN(chunk_, opener_.open(sealed));
    at_ = 0;
    return {};
  }

  crypto::StreamOpener opener_;
  const ByteSource& source_;
  Bytes chunk_;
  std::size_t at_ = 0;
};

Status read_entry(Plain& plain, const std::string& name, const ArchiveVisitor& visitor) {
  if (!is_archive_name(name)) return malformed("a file has a name that no backup has");
  TRY_ASSIGN(const Bytes size_bytes, plain.exactly(8));
  auto size = get_be<std::uint64_t>(size_bytes.data());
  TRY(visitor.begin(name, size));
  while (size != 0) {
    TRY_ASSIGN(const ByteView part,
               plain.take(static_cast<std::size_t>(std::min<std::uint64_t>(size, kChunk))));
    TRY(visitor.bytes(part));
    size -= part.size();
  }
  return visitor.end();
}

}  // namespace

Status read_archive(const crypto::KemKey& key, const ByteSource& source, const ArchiveVisitor& visitor) {
  TRY_ASSIGN(Plain plain, Plain::begin(key, source));
  for (;;) {
    TRY_ASSIGN(const Bytes length, plain.exactly(2));
    const auto name_size = get_be<std::uint16_t>(length.data());
    if (name_size == 0) return plain.end();
    TRY_ASSIGN(const Bytes name, plain.exactly(name_size));
    TRY(read_entry(plain, to_string(ByteView(name)), visitor));
  }
}

}  // namespace tocsin::node
