#include "storage/store.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <deque>
#include <mutex>
#include <vector>

#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/options.h>
#include <rocksdb/slice_transform.h>
#include <rocksdb/table.h>
#include <rocksdb/utilities/checkpoint.h>
#include <rocksdb/write_batch.h>

#include "crypto/base/encoding.h"

namespace tocsin::storage {
namespace {

constexpr std::array<const char*, kFamilies> kFamilyNames = {
    "leaf",      "sealed",  "tile",         "chain",           "key",  "checkpoint", "signal",
    "indicator", "due",     "foreign_leaf", "foreign_opening", "peer", "evidence",   "idempotency",
    "meta",      "witness", "receipt"};
constexpr std::uint64_t kWriteBufferBytes = 16 << 20;
constexpr int kBloomBits = 10;
constexpr std::uint8_t kPut = 1;
constexpr std::uint8_t kRemove = 2;
constexpr std::size_t kOpHeader = 1 + 1 + 4 + 4;
// Row of Family::kMeta in every commit: its u64 number ‖ the head after it.
constexpr std::string_view kHeadRow = "head";
// Row of Family::kMeta while the store is in quarantine whatever its anchor says: rule, message, why and fix,
// each ended by a NUL.
constexpr std::string_view kQuarantineRow = "quarantine";
constexpr std::size_t kMarkBytesMax = 128;

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
  // Flushed in small parts by the way, so that the flush when an anchor's half is full finds little to do.
  out.wal_bytes_per_sync = 1 << 20;
  out.max_total_wal_size = options.wal_bytes;
  out.db_write_buffer_size = options.memtable_bytes;
  out.max_background_jobs = 2;
  out.stats_dump_period_sec = 0;
  out.stats_persist_period_sec = 0;
  out.info_log_level = rocksdb::InfoLogLevel::ERROR_LEVEL;
  out.keep_log_file_num = 2;
  out.max_open_files = 512;
  out.avoid_flush_during_recovery = options.spare_disk;
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
  // A batch comes sorted: each insertion begins its search where the one before ended.
  out.memtable_insert_with_hint_prefix_extractor.reset(rocksdb::NewFixedPrefixTransform(0));
  // What is asked for before it is there: most first look-ups of a new chain or signal find nothing.
  const auto new_keys = static_cast<Family>(family);
  if (new_keys == Family::kChain || new_keys == Family::kSignal || new_keys == Family::kIdempotency) {
    out.memtable_whole_key_filtering = true;
    out.memtable_prefix_bloom_size_ratio = 0.02;
  }
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

namespace {

// One operation of a batch's own form; `ops` moves behind it.
struct Operation {
  std::uint8_t kind = 0;
  std::uint8_t family = 0;
  ByteView key;
  ByteView value;
};
Operation take_operation(ByteView& ops) {
  CHECK_INVARIANT(ops.size() >= kOpHeader && ops[1] < kFamilies);
  const auto key_size = get_be<std::uint32_t>(ops.data() + 2);
  const auto value_size = get_be<std::uint32_t>(ops.data() + 6);
  CHECK_INVARIANT(ops.size() - kOpHeader >= std::uint64_t{key_size} + value_size);
  Operation out{ops[0], ops[1], ops.subspan(kOpHeader, key_size),
                ops.subspan(kOpHeader + key_size, value_size)};
  ops = ops.subspan(kOpHeader + key_size + value_size);
  return out;
}

void append_operation(Bytes& ops, const Operation& op) {
  CHECK_INVARIANT(op.key.size() <= UINT32_MAX && op.value.size() <= UINT32_MAX);
  ops.push_back(op.kind);
  ops.push_back(op.family);
  append_be(ops, static_cast<std::uint32_t>(op.key.size()));
  append_be(ops, static_cast<std::uint32_t>(op.value.size()));
  append(ops, op.key);
  append(ops, op.value);
}

}  // namespace

void Batch::put(Family family, ByteView key, ByteView value) {
  append_operation(ops_, {kPut, static_cast<std::uint8_t>(family), key, value});
  ++rows_;
  bytes_ += key.size() + value.size();
}

void Batch::remove(Family family, ByteView key) {
  append_operation(ops_, {kRemove, static_cast<std::uint8_t>(family), key, {}});
  ++rows_;
  bytes_ += key.size();
}

void Batch::append(const Batch& more) {
  tocsin::append(ops_, more.ops_);
  rows_ += more.rows_;
  bytes_ += more.bytes_;
}

std::optional<ByteView> Batch::staged(Family family, ByteView key) const {
  std::optional<ByteView> out;
  for (ByteView ops(ops_); !ops.empty();) {
    const Operation op = take_operation(ops);
    if (op.family != static_cast<std::uint8_t>(family) || !equal(op.key, key)) continue;
    out = op.kind == kPut ? std::optional<ByteView>(op.value) : std::nullopt;
  }
  return out;
}

void Batch::each(Family family, const std::function<bool(ByteView, ByteView)>& take) const {
  for (ByteView ops(ops_); !ops.empty();) {
    const Operation op = take_operation(ops);
    if (op.kind == kPut && op.family == static_cast<std::uint8_t>(family) && !take(op.key, op.value)) return;
  }
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

  std::mutex flushing;  // guards what follows, and the order of commits; taken before mu
  std::unique_ptr<Anchor> anchor;
  std::uint64_t number = 0;   // of the last commit that was flushed
  std::uint64_t durable = 0;  // of the last commit up to which RocksDB's log was flushed
  std::optional<LogHead> head;

  // Commits that are durable in the anchor and whose rows RocksDB does not have yet, oldest first.
  struct Unsettled {
    std::uint64_t number = 0;
    Bytes rows;
  };
  std::mutex mu;  // guards what follows, and the order in which RocksDB is written
  std::deque<Unsettled> unsettled;
  std::uint64_t settled = 0;  // of the last commit that settle() was called for

  // Constant after open().
  Anchor::Place place;
  std::vector<LogHead> anchored_heads;
  std::optional<Error> quarantine;

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
  // RocksDB has no code for it.
  if (status.IsIOError() && status.ToString().find("/LOCK:") != std::string::npos)
    return fail(Error{Code::kUnavailable, "another process has the store in " + path + " open",
                      "storage/locked", status.ToString(), "stop the other daemon first"});
  if (!status.ok()) return fail(failed(status, "the store does not open"));
  database->db.reset(db);
  std::unique_ptr<Store> store(new Store(std::move(database)));
  TRY(store->catch_up(options, path));
  return store;
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

namespace {

Anchor::Place anchor_place(const StoreOptions& options, const std::string& path) {
  return {options.env, path + ".anchor", options.anchor_bytes / 2 / 4096 * 4096};
}

// The row that says which commit the store stands at.
void put_mark(Bytes& ops, std::uint64_t number, const LogHead& head) {
  Bytes value;
  append_be(value, number);
  append(value, head.encode());
  append_operation(ops, {kPut, static_cast<std::uint8_t>(Family::kMeta), as_view(kHeadRow), value});
}

[[maybe_unused]] Error behind(std::uint64_t stored, std::uint64_t anchored, const std::string& what) {
  Error error{Code::kFailedPrecondition, "the store is in quarantine: " + what, "storage/behind", {}, {}};
  error.why = "It stands at commit " + std::to_string(stored) + ", and commit " + std::to_string(anchored) +
              " was made. Signing from here would fork the ledger.";
  error.fix =
      "Nothing was signed or changed. Stop the node, keep a copy of its data directory, and put back one "
      "that "
      "reaches the anchored commit.";
  return error;
}

Bytes encode_error(const Error& error) {
  Bytes out;
  for (const std::string* text : {&error.rule, &error.message, &error.why, &error.fix}) {
    append(out, as_view(*text));
    out.push_back(0);
  }
  return out;
}

[[maybe_unused]] Error decode_error(std::string_view row) {
  Error out{Code::kFailedPrecondition, {}, {}, {}, {}};
  for (std::string* text : {&out.rule, &out.message, &out.why, &out.fix}) {
    const std::size_t end = std::min(row.find('\0'), row.size());
    *text = row.substr(0, end);
    row.remove_prefix(std::min(end + 1, row.size()));
  }
  return out;
}

}  // namespace

#ifndef TOCSIN_NO_ANCHOR
// RocksDB's own log is not flushed with each commit: after a power cut it may have lost some of the commits
// since the anchor's half was begun, also from the middle. So all of them are written again, whatever the
// store says of itself. What came before was durable: a store that does not have it was rolled back.
Status Store::catch_up(const StoreOptions& options, const std::string& path) {
  const Anchor::Place& place = database_->place = anchor_place(options, path);
  TRY_ASSIGN(Anchor::Found found, Anchor::read(place));
  for (const AnchorEntry& entry : found.entries) database_->anchored_heads.push_back(entry.head);
  TRY_ASSIGN(const auto row, get(Family::kMeta, as_view(kHeadRow)));
  if (row) {
    if (row->size() < 8) return fail(Code::kDataLoss, "the store's head is damaged", "storage/anchor");
    database_->number = get_be<std::uint64_t>(as_view(*row).data());
    TRY_ASSIGN(database_->head, LogHead::parse(as_view(*row).subspan(8)));
  }
  const std::uint64_t stored = database_->number;
  if (found.entries.empty()) {
#if TOCSIN_PLANTED_FAULT != 5  // a restored store that signs at once: the restore drills must find it
    if (stored != 0 || found.damaged) {
      database_->quarantine = behind(stored, stored, "its anchor is missing or damaged");
      return {};
    }
#endif
    TRY_ASSIGN(database_->anchor, Anchor::open(place, found));
    return {};
  }
  const std::uint64_t anchored = found.entries.back().number;
  std::size_t from = 0;
  for (std::size_t i = 0; i < found.entries.size(); ++i)
    if (!found.entries[i].carried) from = i + 1;
  const std::uint64_t needed = from == 0 ? found.entries[0].number - 1 : found.entries[from - 1].number;
  if (found.damaged || stored < needed) {
    database_->quarantine =
        behind(stored, anchored, found.damaged ? "its anchor is damaged" : "it has lost commits it had made");
    return {};
  }
  // A store that is ahead made a commit that is not carried, for which everything before was flushed.
  if (stored <= anchored) {
    for (std::size_t i = from; i < found.entries.size(); ++i) TRY(write_rows(found.entries[i].rows, false));
    database_->number = anchored;
    database_->head = found.entries.back().head;
  }
  TRY(make_durable());
  TRY_ASSIGN(database_->anchor, Anchor::open(place, found));
  TRY_ASSIGN(const auto told, get(Family::kMeta, as_view(kQuarantineRow)));
  if (told) database_->quarantine = decode_error(*told);
  database_->settled = database_->number;
  return {};
}
#else
// The broken build that the power-loss test must catch: it believes whatever RocksDB recovered.
Status Store::catch_up(const StoreOptions& options, const std::string& path) {
  TRY_ASSIGN(const auto row, get(Family::kMeta, as_view(kHeadRow)));
  if (row) {
    database_->number = get_be<std::uint64_t>(as_view(*row).data());
    TRY_ASSIGN(database_->head, LogHead::parse(as_view(*row).subspan(8)));
  }
  database_->place = anchor_place(options, path);
  TRY_ASSIGN(database_->anchor, Anchor::open(database_->place, {}));
  database_->settled = database_->number;
  return {};
}
#endif

std::optional<LogHead> Store::head() const {
  return database_->head;
}
const std::vector<LogHead>& Store::anchored_heads() const {
  return database_->anchored_heads;
}
const std::optional<Error>& Store::quarantine() const {
  return database_->quarantine;
}

Status Store::write_rows(const Bytes& ops, bool durable) {
  std::vector<Operation> sorted;
  for (ByteView rest(ops); !rest.empty();) sorted.push_back(take_operation(rest));
  // Stable: of two on one key the later one wins.
  std::stable_sort(sorted.begin(), sorted.end(), [](const Operation& a, const Operation& b) {
    return a.family != b.family
               ? a.family < b.family
               : std::lexicographical_compare(a.key.begin(), a.key.end(), b.key.begin(), b.key.end());
  });
  rocksdb::WriteBatch writes(ops.size() + 64);
  for (const Operation& op : sorted) {
    auto* family = database_->handles[op.family];
    const rocksdb::Status staged = op.kind == kPut ? writes.Put(family, slice(op.key), slice(op.value))
                                                   : writes.Delete(family, slice(op.key));
    CHECK_INVARIANT(staged.ok());
  }
  rocksdb::WriteOptions options;
  options.sync = durable;
  const rocksdb::Status status = database_->db->Write(options, &writes);
  if (!status.ok()) return fail(failed(status, "the store refused a write"));
  return {};
}

// Writes the mark again, with a flush: RocksDB then flushes everything it wrote before. Everything that the
// anchor carries must have been written.
Status Store::make_durable() {
  Bytes ops;
  if (database_->head) put_mark(ops, database_->number, *database_->head);
  const std::lock_guard lock(database_->mu);
  CHECK_INVARIANT(database_->unsettled.empty());
  TRY(write_rows(ops, true));
  database_->durable = database_->number;
  return {};
}

// Writes what was flushed, up to that commit, whoever comes first.
Status Store::settle_rows(std::uint64_t number) {
  const std::lock_guard lock(database_->mu);
  auto& unsettled = database_->unsettled;
  for (; !unsettled.empty() && unsettled.front().number <= number; unsettled.pop_front())
    TRY(write_rows(unsettled.front().rows, false));
  return {};
}

// Carried: anchor, flush, and later the store without one. Not carried: the store with a flush, then the
// anchor.
Status Store::flush_entry(AnchorEntry& entry, const Meanwhile& meanwhile) {
  Anchor& anchor = *database_->anchor;
  Bytes rows = std::move(entry.rows);
  entry.carried = rows.size() <= kCarriedBytesMax;
  entry.rows = entry.carried ? rows : Bytes();
  if (!anchor.has_room(entry)) {
    TRY(settle_rows(database_->number));
    TRY(make_durable());
    anchor.turn();
  }
  if (!entry.carried) {
    // Its rows must never be there without those of the commits before: what is carried is written again only
    // when nothing newer stands in the store.
    TRY(settle_rows(database_->number));
    if (database_->durable != database_->number) TRY(make_durable());
    const std::lock_guard lock(database_->mu);
    TRY(write_rows(rows, true));
    database_->durable = entry.number;
    rows.clear();
  }
  Batch written;
  TRY_ASSIGN(written.ops_, anchor.write(entry));
  if (written.ops_ != entry.rows)
    return fail(Code::kDataLoss, "the anchor reads back differently from what was written", "storage/anchor");
  Batch more;
  if (meanwhile) TRY(meanwhile(written, more));
#if TOCSIN_PLANTED_FAULT != 4  // a commit answered before the disk has it: the simulation must find it
  TRY(anchor.flush());
#endif
  tocsin::append(rows, more.ops_);
  const std::lock_guard lock(database_->mu);
  database_->unsettled.push_back({entry.number, std::move(rows)});
  return {};
}

Status Store::failing(Status status) {
  if (!status) database_->broken.store(true, std::memory_order_release);
  return status;
}

Status Store::flush(const Batch& batch, const std::optional<LogHead>& head, const Meanwhile& meanwhile) {
  const std::lock_guard lock(database_->flushing);
  if (database_->quarantine) return fail(*database_->quarantine);
  if (broken())
    return fail(Code::kFailedPrecondition, "the store refused a write earlier; it must be opened again",
                "storage/broken");
  AnchorEntry entry;
  entry.number = database_->number + 1;
  entry.head = head ? *head : database_->head.value_or(LogHead{});
  entry.rows.reserve(batch.ops_.size() + kMarkBytesMax);
  entry.rows = batch.ops_;
  put_mark(entry.rows, entry.number, entry.head);
  const LogHead after = entry.head;
  TRY(failing(flush_entry(entry, meanwhile)));
  database_->number = entry.number;
  database_->head = after;
  return {};
}

Status Store::settle() {
  if (broken())
    return fail(Code::kFailedPrecondition, "the store refused a write; it must be opened again",
                "storage/broken");
  std::uint64_t number = 0;
  {
    const std::lock_guard lock(database_->mu);
    number = ++database_->settled;
  }
  return failing(settle_rows(number));
}

Status Store::commit(const Batch& batch, const LogHead& head, const Meanwhile& meanwhile) {
  TRY(flush(batch, head, meanwhile));
  return settle();
}

Status Store::commit(const Batch& batch) {
  TRY(flush(batch, std::nullopt));
  return settle();
}

Status Store::enter_quarantine(const Error& why) {
  Batch row;
  row.put(Family::kMeta, as_view(kQuarantineRow), encode_error(why));
  Status written = flush(row, std::nullopt);
  const std::lock_guard lock(database_->flushing);
  if (written) written = settle_rows(database_->number);
  database_->broken.store(true, std::memory_order_release);
  return written;
}

Status Store::mend(const Batch& batch) {
  return write_rows(batch.ops_, true);
}

// The database first, then the file that says it may be believed: a crash in between leaves no anchor, or one
// that the database is ahead of because all before was flushed. Without one it is in quarantine, and mended
// again.
Status Store::end_quarantine(const Batch& batch, const LogHead& head) {
  AnchorEntry entry;
  TRY_ASSIGN(const Anchor::Found found, Anchor::read(database_->place));
  entry.number = std::max(database_->number, found.entries.empty() ? 0 : found.entries.back().number) + 1;
  entry.head = head;
  Bytes rows = batch.ops_;
  append_operation(rows, {kRemove, static_cast<std::uint8_t>(Family::kMeta), as_view(kQuarantineRow), {}});
  put_mark(rows, entry.number, head);
  TRY(write_rows(rows, true));
  database_->anchor.reset();
  TRY_ASSIGN(database_->anchor, Anchor::replace(database_->place));
  TRY_ASSIGN(const Bytes written, database_->anchor->write(entry));
  (void)written;
  return database_->anchor->flush();
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
