// What an audit costs a record, in one thread and in all, beside what its hashes and signatures cost bare in
// the same run; and how much memory it takes.
//
//   bench_verify [--records 1000000] [--signed 200000] [--dir /tmp] [--kernel NAME]

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <map>
#include <string>

#include <unistd.h>

#include "crypto/hash.h"
#include "crypto/random.h"
#include "crypto/sha256_kernel.h"
#include "protocol/identity/ids.h"
#include "protocol/log/tile.h"
#include "protocol/process/attestation.h"
#include "protocol/verify/bundle_writer.h"
#include "protocol/verify/verifier.h"
#include "tests/bench/spread.h"
#include "tests/support/ledger_records.h"
#include "tocsin/v1/record.pb.h"

namespace tocsin {
namespace {

using namespace protocol;
using namespace test;
using Clock = std::chrono::steady_clock;

// Processor time of this process: what other programs take meanwhile does not count.
double cpu_seconds() {
  return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
}

template <typename T>
T must(Result<T> result) {
  if (result) return std::move(*result);
  std::fprintf(stderr, "bench_verify: %s\n", result.error().message.c_str());
  std::exit(1);
}
void must(const Status& status) {
  if (status) return;
  std::fprintf(stderr, "bench_verify: %s\n", status.error().message.c_str());
  std::exit(1);
}

Hash number_hash(std::uint64_t number, std::string_view what) {
  return crypto::sha256_parts({as_view(what), as_view(std::to_string(number))});
}

// A ledger of any size: a correct beginning, then one record after another of one kind, each in a chain of
// its own. Records are made again when they are asked for, so that only leaves and tiles are held.
class BigLedger {
 public:
  BigLedger(std::uint64_t size, bool with_signatures)
      : node_("video.example", 10), peer_("chat.example", 50), beginning_(node_), signed_(with_signatures) {
    append_foundation(beginning_, node_, {&node_, &peer_});
    first_ = beginning_.records().size();
    // The last record says what is opened.
    last_ = size - 1;
    beginning_.advance_ms(size * 1000);
    beginning_.append(Event::kDisclosed, node_chain(node_), disclosed_slots({}, 1, size));
    leaves_.reserve(size * kLeafBytes);
    for (std::uint64_t i = 0; i < size; ++i) {
      const BuiltRecord* made = made_at(i);
      const LeafBytes bytes = encode_leaf(made != nullptr ? made->leaf : leaf_of(i));
      append(leaves_, bytes);
      const Hash hash = crypto::leaf_hash(bytes);
      writer_.append({&hash, 1});
    }
    for (TileValue& tile : writer_.take_changed()) tiles_[{tile.level, tile.index}] = std::move(tile.hashes);
  }

  std::uint64_t size() const { return leaves_.size() / kLeafBytes; }
  const Bytes& leaves() const { return leaves_; }
  Policy policy() const { return must(Policy::parse("log " + vkey_text(node_) + "\nquorum none\n")); }

  // Returns the archive's size.
  std::uint64_t write(const std::string& path, bool opened = true) const {
    BundleContents contents;
    contents.origin = node_.origin;
    contents.policy = "log " + vkey_text(node_) + "\nquorum none\n";
    contents.checkpoint =
        sign_checkpoint(node_.operational, {node_.origin, {size(), writer_.range().root()}});
    contents.size = size();
    contents.tiles = [&](const TileId& id) -> Result<Bytes> { return tiles_.at({id.level, id.index}); };
    contents.leaves = [&](std::uint64_t begin, std::uint64_t end) -> Result<Bytes> {
      return to_bytes(ByteView(leaves_).subspan(begin * kLeafBytes, (end - begin) * kLeafBytes));
    };
    if (opened)
      contents.openings = [&](const ByteSink& sink) -> Status {
        for (std::uint64_t i = 0; i < size(); ++i) {
          Bytes bytes;
          append_opening(bytes, opening_of(i));
          TRY(sink(bytes));
        }
        return {};
      };
    std::ofstream out(path, std::ios::binary);
    std::uint64_t written = 0;
    must(write_bundle(contents, node_.operational, [&](ByteView bytes) -> Status {
      out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
      written += bytes.size();
      return out.good() ? Status() : fail(Code::kUnavailable, "the disk is full");
    }));
    return written;
  }

 private:
  const BuiltRecord* made_at(std::uint64_t index) const {
    if (index == last_) return &beginning_.records().back();
    return index < first_ ? &beginning_.records()[index] : nullptr;
  }
  std::uint64_t time_of(std::uint64_t index) const { return kLedgerStartMs + index * 1000; }
  Hash chain_of(std::uint64_t index) const { return number_hash(index, "chain"); }

  Slots slots_of(std::uint64_t index) const {
    if (!signed_) {
      Slots slots = submitted_slots(node_, static_cast<std::uint8_t>(index), time_of(index));
      slots.pop_back();
      return slots;
    }
    Slots slots = {slot_number(0, SlotType::kEnum, 1),
                   slot_number(1, SlotType::kEnum, 1),
                   slot_bytes(2, SlotType::kHash, number_hash(1, "labels")),
                   slot_number(3, SlotType::kEnum, 1),
                   slot_number(4, SlotType::kEnum, 1),
                   slot_bytes(8, SlotType::kKeyId, key_id(node_.reviewer.public_key())),
                   slot_number(11, SlotType::kTime, time_of(index)),
                   slot_hashes(13, {number_hash(index, "signal")}),
                   slot_bytes(14, SlotType::kHash, peer_.fingerprint)};
    slots.push_back(must(attest({node_.fingerprint, Event::kOpinion, chain_of(index)},
                                ClassKey(number_hash(index, "key a")), slots, node_.reviewer)));
    return slots;
  }

  Leaf leaf_of(std::uint64_t index) const {
    Leaf leaf;
    leaf.event = static_cast<std::uint16_t>(signed_ ? Event::kOpinion : Event::kSubmitted);
    leaf.time_ms = time_of(index);
    leaf.chain = chain_of(index);
    const Hash key = number_hash(index, "key a");
    leaf.body_root = body_root(must(class_root(SlotClass::kAccountability, ClassKey(key), slots_of(index))),
                               number_hash(index, "root p"));
    return leaf;
  }

  v1::Opening opening_of(std::uint64_t index) const {
    v1::Opening out;
    out.set_index(index);
    const BuiltRecord* made = made_at(index);
    Slots a, p;
    for (const SlotValue& slot : made != nullptr ? made->slots : slots_of(index))
      (class_of(slot.slot) == SlotClass::kAccountability ? a : p).push_back(slot);
    out.set_key_a(to_string(made != nullptr ? made->key_a : number_hash(index, "key a")));
    out.set_slots_a(to_string(pack_slots(a)));
    out.set_root_p(to_string(made != nullptr
                                 ? must(class_root(SlotClass::kPersonal, ClassKey(made->key_p), p))
                                 : number_hash(index, "root p")));
    return out;
  }

  const TestNode node_, peer_;
  mutable LedgerBuilder beginning_;
  const bool signed_;
  std::uint64_t first_ = 0, last_ = 0;
  Bytes leaves_;
  TileWriter writer_;
  std::map<std::pair<unsigned, std::uint64_t>, Bytes> tiles_;
};

// Peak resident memory of this process, MiB, since the last call.
double peak_mib() {
  std::ifstream status("/proc/self/status");
  double kib = 0;
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmHWM:")) kib = std::strtod(line.c_str() + 6, nullptr);
  std::ofstream("/proc/self/clear_refs") << "5";
  return kib / 1024;
}

// Leaf hashes a second, one at a time and side by side; Ed25519 verifications a second.
struct Bare {
  double leaf = 0;
  double verify = 0;
};
Bare measure_bare(const Bytes& leaves) {
  Bare out;
  const std::size_t count = std::min<std::size_t>(leaves.size() / kLeafBytes, 200'000);
  std::vector<Hash> hashes(count);
  double begin = cpu_seconds();
  crypto::leaf_hashes(ByteView(leaves).first(count * kLeafBytes), kLeafBytes, hashes);
  out.leaf = static_cast<double>(count) / (cpu_seconds() - begin);
  const auto key = seeded_key(1);
  const auto signature = key.sign_raw(hashes[0]);
  constexpr int kVerifications = 5000;
  begin = cpu_seconds();
  for (int i = 0; i < kVerifications; ++i) must(crypto::verify_raw(hashes[0], signature, key.public_key()));
  out.verify = kVerifications / (cpu_seconds() - begin);
  return out;
}

// Records a second of processor time, or of the clock when every processor works.
double audit_rate(const std::string& path, const Policy& policy, unsigned threads, bool leaves_only) {
  VerifyOptions options;
  options.policy = policy;
  options.threads = threads;
  options.leaves_only = leaves_only;
  const double cpu_begin = cpu_seconds();
  const auto begin = Clock::now();
  const Audit audit = verify_bundle(must(FileSource::open(path)), options);
  const double seconds =
      threads == 1 ? cpu_seconds() - cpu_begin : std::chrono::duration<double>(Clock::now() - begin).count();
  if (audit.unreadable || audit.report.exit_code() != 0) {
    for (const Finding& finding : audit.report.findings())
      std::fprintf(stderr, "%s\n", finding_json(finding).c_str());
    std::exit(1);
  }
  return static_cast<double>(audit.facts.records) / seconds;
}

constexpr int kRuns = 5;

// Runs of one audit, each with its ratio to the bare work of the same run.
bool print_audit(const char* what, const std::string& path, const Policy& policy, bool leaves_only,
                 double bar, double bare, const char* of) {
  std::vector<double> rates, ratios;
  for (int run = 0; run < kRuns; ++run) {
    rates.push_back(audit_rate(path, policy, 1, leaves_only));
    ratios.push_back(rates.back() / bare);
  }
  const bool held = bench::print_at_least(what, rates, "/s", bar);
  bench::print((std::string("  / ") + of).c_str(), ratios, "");
  return held;
}

struct Arguments {
  std::uint64_t records = 1'000'000;
  std::uint64_t with_signatures = 200'000;
  std::string dir = "/tmp";
};

bool run(const Arguments& arguments) {
  const std::string path = arguments.dir + "/bench_verify." + std::to_string(getpid());
  const std::string mirror = path + ".mirror";
  bool met = true;
  Policy policy;
  Bare bare;
  double mib = 0;
  {
    const BigLedger ledger(arguments.records, false);
    policy = ledger.policy();
    mib = static_cast<double>(ledger.write(path)) / (1 << 20);
    ledger.write(mirror, false);
    bare = measure_bare(ledger.leaves());
  }
  std::printf("hashes with %s\n", crypto::sha256_kernel().name);
  std::printf("bare: %.0f leaf hashes/s, %.0f Ed25519 verifications/s; bundle of %llu records, %.0f MiB\n",
              bare.leaf, bare.verify, static_cast<unsigned long long>(arguments.records), mib);
  peak_mib();
  met &= print_audit("V1-V7, one thread", mirror, policy, true, 3e6, bare.leaf, "bare leaf hashes");
  const double leaves_peak = peak_mib();
  met &= print_audit("with openings, one thread", path, policy, false, 100e3, bare.leaf, "bare leaf hashes");
  const double openings_peak = peak_mib();
  std::printf("%-44s %9.0f /s\n", "with openings, every processor", audit_rate(path, policy, 0, false));
  std::printf("peak memory: %.0f MiB for V1-V7, %.0f MiB with openings (%.0f bytes a record)\n", leaves_peak,
              openings_peak, openings_peak * (1 << 20) / static_cast<double>(arguments.records));
  {
    const BigLedger ledger(arguments.with_signatures, true);
    ledger.write(path);
  }
  met &= print_audit("with openings and a signature, one thread", path, policy, false, 22e3, bare.verify,
                     "bare verifications");
  std::printf("%-44s %9.0f /s\n", "the same, every processor", audit_rate(path, policy, 0, false));
  unlink(path.c_str());
  unlink(mirror.c_str());
  return met;
}

}  // namespace
}  // namespace tocsin

int main(int argc, char** argv) {
  tocsin::Arguments arguments;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view word = argv[i];
    if (word == "--records") arguments.records = std::strtoull(argv[i + 1], nullptr, 10);
    if (word == "--signed") arguments.with_signatures = std::strtoull(argv[i + 1], nullptr, 10);
    if (word == "--dir") arguments.dir = argv[i + 1];
    if (word == "--kernel" && !tocsin::crypto::use_sha256_kernel(argv[i + 1])) return 2;
  }
  if (!tocsin::crypto::init()) return 1;
  return tocsin::run(arguments) ? 0 : 1;
}
