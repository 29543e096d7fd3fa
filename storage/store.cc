#include "storage/store.h"

#include <array>
#include <atomic>
#include <vector>

#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/options.h>
#include <rocksdb/table.h>
#include <rocksdb/utilities/checkpoint.h>
#include <rocksdb/write_batch.h>

#include "crypto/base/encoding.h"

namespace tocsin::storage {
namespace {

constexpr std::array<const char*, kFamilies> kFamilyNames = {
    "leaf",      "sealed", "tile",         "chain",           "key",  "checkpoint", "signal",
    "indicator", "due",    "foreign_leaf", "foreign_opening", "peer", "evidence",   "idempotency",
    "meta"};
constexpr std::uint64_t kWriteBufferBytes = 16 << 20;
constexpr int kBloomBits = 10;
constexpr std::uint8_t kPut = 1;
constexpr std::uint8_t kRemove = 2;
constexpr std::size_t kOpHeader = 1 + 1 + 4 + 4;

rocksdb::Slice slice(ByteView bytes) {
  return {reinterpret_cast<const char*>(not_null(bytes)), bytes.size()};
}
ByteView view(const rocksdb::Slice& bytes) {
  return as_view(std::string_view(bytes.data(), bytes.size()));
}

Error failed(const rocksdb::Status& status, const char* what) {
  Code code = Code::kUnavailable;
  if (status.IsCorruption()) code = Code::kDataLoss;
  if (status.IsNoSpace()) code = Code::kResourceExhausted;
  return Error{code, std::string(what) + ": " + status.ToString(), "storage/rocksdb", {}, {}};
}

rocksdb::DBOptions database_options(const StoreOptions& options) {
  rocksdb::DBOptions out;
  out.create_if_missing = true;
  out.create_missing_column_families = true;
  // A torn tail is what a crash leaves; anything stricter refuses to start after an ordinary power cut.
  out.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
  out.track_and_verify_wals_in_manifest = true;
  out.max_total_wal_size = options.wal_bytes;
  out.db_write_buffer_size = options.memtable_bytes;
  out.max_background_jobs = 2;
  out.stats_dump_period_sec = 0;
  out.stats_persist_period_sec = 0;
  out.info_log_level = rocksdb::InfoLogLevel::ERROR_LEVEL;
  out.keep_log_file_num = 2;
  out.max_open_files = 512;
  if (options.env != nullptr) {
    out.env = options.env;
    out.max_background_jobs = 1;
    out.max_file_opening_threads = 1;
  }
  return out;
}

rocksdb::ColumnFamilyOptions family_options(std::size_t family,
                                            const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(kBloomBits));
  table.format_version = 5;
  rocksdb::ColumnFamilyOptions out;
  out.write_buffer_size = kWriteBufferBytes;
  out.level_compaction_dynamic_level_bytes = true;
  out.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  // Hashes and sealed bodies do not compress; cases and openings are words.
  const auto kind = static_cast<Family>(family);
  const bool words = kind == Family::kSignal || kind == Family::kForeignOpening;
  out.compression = words ? rocksdb::kLZ4Compression : rocksdb::kNoCompression;
  return out;
}

}  // namespace

Batch::Batch() = default;
Batch::Batch(Batch&&) noexcept = default;
Batch& Batch::operator=(Batch&&) noexcept = default;
Batch::~Batch() = default;

void Batch::put(Family family, ByteView key, ByteView value) {
  CHECK_INVARIANT(key.size() <= UINT32_MAX && value.size() <= UINT32_MAX);
  ops_.push_back(kPut);
  ops_.push_back(static_cast<std::uint8_t>(family));
  append_be(ops_, static_cast<std::uint32_t>(key.size()));
  append_be(ops_, static_cast<std::uint32_t>(value.size()));
  tocsin::append(ops_, key);
  tocsin::append(ops_, value);
  ++rows_;
  bytes_ += key.size() + value.size();
}

void Batch::remove(Family family, ByteView key) {
  CHECK_INVARIANT(key.size() <= UINT32_MAX);
  ops_.push_back(kRemove);
  ops_.push_back(static_cast<std::uint8_t>(family));
  append_be(ops_, static_cast<std::uint32_t>(key.size()));
  append_be(ops_, std::uint32_t{0});
  tocsin::append(ops_, key);
  ++rows_;
  bytes_ += key.size();
}

void Batch::append(const Batch& more) {
  tocsin::append(ops_, more.ops_);
  rows_ += more.rows_;
  bytes_ += more.bytes_;
}

struct Cursor::Rows {
  std::string upper;  // first key behind the prefix; the iterator's options point at its slice
  rocksdb::Slice upper_slice;
  std::unique_ptr<rocksdb::Iterator> iterator;
};

Cursor::Cursor(std::unique_ptr<Rows> rows) : rows_(std::move(rows)) {}
Cursor::Cursor(Cursor&&) noexcept = default;
Cursor& Cursor::operator=(Cursor&&) noexcept = default;
Cursor::~Cursor() = default;
bool Cursor::valid() const {
  return rows_->iterator->Valid();
}
void Cursor::next() {
  rows_->iterator->Next();
}
ByteView Cursor::key() const {
  return view(rows_->iterator->key());
}
ByteView Cursor::value() const {
  return view(rows_->iterator->value());
}
Status Cursor::status() const {
  const rocksdb::Status status = rows_->iterator->status();
  if (!status.ok()) return fail(failed(status, "reading rows in order"));
  return {};
}

struct Store::Database {
  std::unique_ptr<rocksdb::DB> db;
  std::vector<rocksdb::ColumnFamilyHandle*> handles;  // by Family, then "default"
  std::atomic<bool> broken{false};

  ~Database() {
    for (auto* handle : handles) (void)db->DestroyColumnFamilyHandle(handle);
    if (db) (void)db->Close();
  }
  rocksdb::ColumnFamilyHandle* of(Family family) const { return handles[static_cast<std::size_t>(family)]; }
};

Store::Store(std::unique_ptr<Database> database) : database_(std::move(database)) {}
Store::~Store() = default;
bool Store::broken() const {
  return database_->broken.load(std::memory_order_acquire);
}

Result<std::unique_ptr<Store>> Store::open(const std::string& path, const StoreOptions& options) {
  const auto cache = rocksdb::NewLRUCache(options.cache_bytes);
  std::vector<rocksdb::ColumnFamilyDescriptor> families;
  for (std::size_t i = 0; i < kFamilies; ++i)
    families.emplace_back(kFamilyNames[i], family_options(i, cache));
  families.emplace_back(rocksdb::kDefaultColumnFamilyName, family_options(kFamilies, cache));
  auto database = std::make_unique<Database>();
  rocksdb::DB* db = nullptr;
  const rocksdb::Status status =
      rocksdb::DB::Open(database_options(options), path, families, &database->handles, &db);
  if (!status.ok()) return fail(failed(status, "the store does not open"));
  database->db.reset(db);
  return std::unique_ptr<Store>(new Store(std::move(database)));
}

Result<std::optional<std::string>> Store::get(Family family, ByteView key) const {
  std::string value;
  const rocksdb::Status status =
      database_->db->Get(rocksdb::ReadOptions(), database_->of(family), slice(key), &value);
  if (status.IsNotFound()) return std::optional<std::string>();
  if (!status.ok()) return fail(failed(status, "reading a row"));
  return std::optional<std::string>(std::move(value));
}

namespace {

// The least key greater than every key that starts with `prefix`; empty when there is none.
std::string behind(ByteView prefix) {
  std::string out = to_string(prefix);
  while (!out.empty() && static_cast<std::uint8_t>(out.back()) == 0xFF) out.pop_back();
  if (!out.empty()) out.back() = static_cast<char>(static_cast<std::uint8_t>(out.back()) + 1);
  return out;
}

}  // namespace

Cursor Store::scan(Family family, ByteView prefix, ByteView from) const {
  auto rows = std::make_unique<Cursor::Rows>();
  rows->upper = behind(prefix);
  rocksdb::ReadOptions options;
  if (!rows->upper.empty()) {
    rows->upper_slice = rocksdb::Slice(rows->upper);
    options.iterate_upper_bound = &rows->upper_slice;
  }
  rows->iterator.reset(database_->db->NewIterator(options, database_->of(family)));
  const rocksdb::Slice start = slice(prefix).compare(slice(from)) < 0 ? slice(from) : slice(prefix);
  rows->iterator->Seek(start);
  return Cursor(std::move(rows));
}

Result<std::optional<Store::Row>> Store::last(Family family, ByteView prefix) const {
  const std::string upper = behind(prefix);
  const std::unique_ptr<rocksdb::Iterator> iterator(
      database_->db->NewIterator(rocksdb::ReadOptions(), database_->of(family)));
  if (upper.empty()) {
    iterator->SeekToLast();
  } else {
    iterator->SeekForPrev(upper);
    if (iterator->Valid() && iterator->key() == rocksdb::Slice(upper)) iterator->Prev();
  }
  if (!iterator->status().ok()) return fail(failed(iterator->status(), "reading the last row"));
  if (!iterator->Valid() || !iterator->key().starts_with(slice(prefix))) return std::optional<Row>();
  return std::optional<Row>(Row{iterator->key().ToString(), iterator->value().ToString()});
}

Status Store::commit(const Batch& batch, Sync sync) {
  if (broken())
    return fail(Code::kFailedPrecondition, "the store refused a write earlier; it must be opened again",
                "storage/broken");
  rocksdb::WriteBatch writes(batch.ops_.size() + 64);
  ByteView ops(batch.ops_);
  while (!ops.empty()) {
    auto* family = database_->handles[ops[1]];
    const auto key_size = get_be<std::uint32_t>(ops.data() + 2);
    const auto value_size = get_be<std::uint32_t>(ops.data() + 6);
    const ByteView key = ops.subspan(kOpHeader, key_size);
    const ByteView value = ops.subspan(kOpHeader + key_size, value_size);
    const rocksdb::Status staged =
        ops[0] == kPut ? writes.Put(family, slice(key), slice(value)) : writes.Delete(family, slice(key));
    CHECK_INVARIANT(staged.ok());
    ops = ops.subspan(kOpHeader + key_size + value_size);
  }
  rocksdb::WriteOptions options;
  options.sync = sync == Sync::kDurable;
  const rocksdb::Status status = database_->db->Write(options, &writes);
  if (status.ok()) return {};
  database_->broken.store(true, std::memory_order_release);
  return fail(failed(status, "the store refused a write"));
}

Status Store::copy_to(const std::string& directory) const {
  rocksdb::Checkpoint* made = nullptr;
  rocksdb::Status status = rocksdb::Checkpoint::Create(database_->db.get(), &made);
  const std::unique_ptr<rocksdb::Checkpoint> checkpoint(made);
  if (status.ok()) status = checkpoint->CreateCheckpoint(directory);
  if (!status.ok()) return fail(failed(status, "copying the store"));
  return {};
}

}  // namespace tocsin::storage
