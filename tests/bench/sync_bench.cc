// What it takes to bring a fresh member up to date: real daemons on loopback, their TLS link, their stores on
// disk.
//   bench_sync [--signals N] [--runs N] [--issuer DIR]
// One node is filled with N published signals (submitted, reviewed in batches by another key, published);
// with
// --issuer its directory is kept and used again. Then, once a run, a fresh member joins and pulls everything.
// The clock runs at the receiver from the first page asked for to the last signal matching and synced.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <optional>

#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/base/encoding.h"
#include "crypto/hash.h"
#include "crypto/random.h"
#include "node/cli/client.h"
#include "node/cli/person_key.h"
#include "protocol/identity/descriptor.h"
#include "protocol/identity/ids.h"
#include "protocol/process/attestation.h"
#include "tests/bench/bare_stream.h"
#include "tests/bench/child_process.h"
#include "tests/support/temp_dir.h"
#include "tocsin/v1/admin.pb.h"

namespace {

using namespace tocsin;
using bench::Child;
using protocol::slot_number;
using protocol::slot_text;
using protocol::SlotType;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kSubmitBatch = 1000;
constexpr std::size_t kReviewBatch = 2048;
constexpr std::uint64_t kYearMs = 365ULL * 24 * 3600 * 1000;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}
std::uint64_t wall_ms() {
  using namespace std::chrono;
  return static_cast<std::uint64_t>(
      duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count());
}

int free_port() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  if (bind(fd, reinterpret_cast<sockaddr*>(&address), length) != 0 ||
      getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0)
    std::abort();
  close(fd);
  return ntohs(address.sin_port);
}

// A node of its own process and directory.
class Company {
 public:
  Company(const std::string& name, const std::string& directory, const std::string& passphrase_file)
      : directory_(directory), client_(directory + "/admin.sock") {
    if (access((directory + "/tocsin.toml").c_str(), R_OK) != 0)
      bench::run_program({TOCSIN_CLI, "init", "--name", name, "--data-dir", directory, "--listen",
                          "127.0.0.1:" + std::to_string(free_port()), "--passphrase-file", passphrase_file,
                          "-o", "json"});
    daemon_.emplace(std::vector<std::string>{TOCSIN_DAEMON, "serve", "--config", directory + "/tocsin.toml"});
    daemon_->await_line("event=node.serving");
  }

  template <typename Reply, typename Request>
  Reply call(const char* name, const Request& request) {
    auto reply = client_.call<Reply>(name, request);
    if (!reply) {
      std::fprintf(stderr, "%s: %s\n", name, reply.error().message.c_str());
      std::exit(1);
    }
    return std::move(*reply);
  }
  v1::StatusReply status() { return call<v1::StatusReply>("Status", v1::StatusRequest()); }
  Child& daemon() { return *daemon_; }

 private:
  std::string directory_;
  std::optional<Child> daemon_;
  cli::AdminClient client_;
};

// Every type of indicator, PDQ most.
v1::NewSignal signal_number(std::uint64_t number) {
  const Hash digest = crypto::sha256(as_view("signal " + std::to_string(number)));
  v1::NewSignal signal;
  signal.add_labels("tvec:propaganda");
  signal.set_line(number);
  switch (number % 8) {
    case 0:
    case 1:
    case 2:
    case 3:
      signal.set_type("pdq");
      signal.set_quality(80 + static_cast<std::uint32_t>(number % 20));
      signal.set_value(hex_encode(digest));
      break;
    case 4:
    case 5:
      signal.set_type("sha256");
      signal.set_value(hex_encode(digest));
      break;
    case 6:
      signal.set_type("md5");
      signal.set_value(hex_encode(ByteView(digest).first(16)));
      break;
    default:
      signal.set_type("url");
      signal.set_value("https://host" + std::to_string(number % 997) + ".example/" +
                       hex_encode(ByteView(digest).first(12)));
      break;
  }
  return signal;
}

std::vector<std::string> submit_all(Company& issuer, std::uint64_t signals) {
  std::vector<std::string> ids;
  for (std::uint64_t at = 0; at < signals;) {
    v1::SubmitRequest request;
    for (std::size_t i = 0; i < kSubmitBatch && at < signals; ++i)
      *request.add_signals() = signal_number(at++);
    const auto reply = issuer.call<v1::SubmitReply>("Submit", request);
    for (const v1::SubmitItem& item : reply.items()) {
      if (item.outcome() != v1::SubmitItem::NEW) {
        std::fprintf(stderr, "a signal was not taken: %s\n", item.error().c_str());
        std::exit(1);
      }
      ids.push_back(protocol::print_signal_id(*fixed<32>(as_view(item.signal()), "signal")));
    }
  }
  return ids;
}

void review(Company& issuer, const std::vector<std::string>& ids, const cli::PersonKey& reviewer) {
  v1::SubjectRequest asked;
  for (const std::string& id : ids) asked.add_signals(id);
  asked.set_event(static_cast<std::uint32_t>(protocol::Event::kReviewed));
  const auto subject = issuer.call<v1::SubjectReply>("Subject", asked);
  const std::uint64_t now = wall_ms();
  std::vector<protocol::SlotValue> slots = {
      slot_number(0, SlotType::kEnum, 1),
      slot_text(1, "tvec:3.2"),
      slot_text(2, "1"),
      slot_number(3, SlotType::kEnum, 1),
      slot_text(4, "EU-2021/784"),
      slot_text(5, "GDPR 6(1)(f)"),
      slot_number(6, SlotType::kUint, 31),
      slot_text(7, "a hash only, for one year"),
      protocol::slot_bytes(8, SlotType::kKeyId, protocol::key_id(reviewer.key.public_key())),
      slot_number(9, SlotType::kEnum, 1),
      slot_text(10, "en"),
      slot_number(11, SlotType::kTime, now),
      slot_number(12, SlotType::kTime, now + kYearMs)};
  if (subject.chains_size() > 1) {
    std::vector<Hash> chains;
    for (const std::string& chain : subject.chains()) chains.push_back(*fixed<32>(as_view(chain), "chain"));
    slots.push_back(protocol::slot_hashes(protocol::kSlotCovers, std::move(chains)));
  }
  const Secret<32> key = crypto::random_secret<32>();
  const protocol::AttestationContext context{*fixed<32>(as_view(subject.issuer()), "issuer"),
                                             protocol::Event::kReviewed,
                                             *fixed<32>(as_view(subject.chain()), "chain")};
  slots.push_back(*protocol::attest(context, key.expose(), slots, reviewer.key));
  v1::AttestedRequest request;
  request.set_event(static_cast<std::uint32_t>(protocol::Event::kReviewed));
  request.set_key_a(to_string(key.expose()));
  request.set_slots_a(to_string(protocol::pack_slots(slots)));
  *request.mutable_signals() = subject.signals();
  request.set_batch(subject.batch());
  issuer.call<v1::RecordReply>("Attested", request);
  v1::PublishRequest publish;
  *publish.mutable_signals() = asked.signals();
  issuer.call<v1::RecordReply>("Publish", publish);
}

void fill(Company& issuer, std::uint64_t signals) {
  v1::NetworkCreateRequest create;
  create.set_name("bench");
  create.set_charter("Hashes are shared only after a person's review.");
  issuer.call<v1::Network>("NetworkCreate", create);
  const cli::PersonKey reviewer = cli::make_person_key(cli::PersonRole::kReviewer, "reviewer");
  v1::UserAddRequest user;
  user.set_pseudonym(reviewer.pseudonym);
  user.set_role(2);
  user.set_public_key(to_string(reviewer.key.public_key()));
  issuer.call<v1::User>("UserAdd", user);
  auto start = Clock::now();
  const auto ids = submit_all(issuer, signals);
  const double submitted = seconds_since(start);
  start = Clock::now();
  for (std::size_t at = 0; at < ids.size(); at += kReviewBatch)
    review(issuer,
           {ids.begin() + static_cast<std::ptrdiff_t>(at),
            ids.begin() + static_cast<std::ptrdiff_t>(std::min(ids.size(), at + kReviewBatch))},
           reviewer);
  const double reviewed = seconds_since(start);
  std::printf(
      "filled: %llu signals submitted in %.1f s (%.0f/s), reviewed and published in %.1f s (%.0f/s)\n",
      static_cast<unsigned long long>(signals), submitted, static_cast<double>(signals) / submitted, reviewed,
      static_cast<double>(signals) / reviewed);
}

std::uint64_t number_in(const std::string& line, const std::string& key) {
  const std::size_t at = line.find(" " + key + "=");
  return at == std::string::npos ? 0 : std::stoull(line.substr(at + key.size() + 2));
}

struct Run {
  double seconds = 0;
  std::uint64_t bytes = 0;
  std::uint64_t pages = 0;
};

// A fresh member: invited, joined, accepted; then it catches up.
Run catch_up(Company& issuer, const std::string& directory, const std::string& passphrase_file, int number,
             std::uint64_t signals) {
  const std::string name = "member" + std::to_string(number) + "-" + std::to_string(wall_ms()) + ".example";
  Company member(name, directory, passphrase_file);
  v1::InviteRequest invite;
  invite.set_peer_name(name);
  const auto invitation = issuer.call<v1::InviteReply>("Invite", invite);
  v1::JoinNetworkRequest join;
  join.set_token(invitation.token());
  join.set_fingerprint(invitation.fingerprint());
  join.set_confirmed_by(2);
  const auto joining = member.call<v1::JoinNetworkReply>("Join", join);
  for (bool asked = false; !asked;) {
    const auto waiting = issuer.call<v1::CandidatesReply>("Candidates", v1::CandidatesRequest());
    for (const v1::Candidate& candidate : waiting.candidates()) asked = asked || candidate.name() == name;
  }
  v1::AcceptRequest accept;
  accept.set_peer(name);
  accept.set_fingerprint(joining.own_fingerprint());
  const double issuer_cpu = issuer.daemon().cpu_seconds();
  const double member_cpu = member.daemon().cpu_seconds();
  issuer.call<v1::PeerInfo>("Accept", accept);
  std::string line;
  do {
    line = member.daemon().await_line("event=feed.caught_up");
  } while (number_in(line, "entries") < signals);
  Run run{static_cast<double>(number_in(line, "took_ms")) / 1000, number_in(line, "bytes"),
          number_in(line, "pages")};
  const double issuer_used = issuer.daemon().cpu_seconds() - issuer_cpu;
  const double member_used = member.daemon().cpu_seconds() - member_cpu;
  const std::uint64_t matching = member.status().matching();
  if (matching != signals) {
    std::fprintf(stderr, "the member matches %llu signals\n", static_cast<unsigned long long>(matching));
    std::exit(1);
  }
  std::printf(
      "run %d: %6.2f s  %7.0f signals/s  %llu pages, %.1f MB   CPU issuer %.1f s, member %.1f s   peak RSS "
      "issuer "
      "%.0f MB, member %.0f MB   (fetching %.2f s, proving %.2f s, writing %.2f s, side by side)\n",
      number, run.seconds, static_cast<double>(signals) / run.seconds,
      static_cast<unsigned long long>(run.pages), static_cast<double>(run.bytes) / 1e6, issuer_used,
      member_used, static_cast<double>(issuer.daemon().peak_rss()) / 1e6,
      static_cast<double>(member.daemon().peak_rss()) / 1e6,
      static_cast<double>(number_in(line, "fetching_ms")) / 1000,
      static_cast<double>(number_in(line, "proving_ms")) / 1000,
      static_cast<double>(number_in(line, "writing_ms")) / 1000);
  std::fflush(stdout);
  return run;
}

void summarise(std::vector<Run> runs, std::uint64_t signals, const char* program) {
  std::sort(runs.begin(), runs.end(), [](const Run& a, const Run& b) { return a.seconds < b.seconds; });
  const auto rate = [&](const Run& run) { return static_cast<double>(signals) / run.seconds; };
  const Run& middle = runs[runs.size() / 2];
  std::printf("signals/s: min %.0f, median %.0f, max %.0f of %zu runs; %.0f bytes a signal\n",
              rate(runs.back()), rate(middle), rate(runs.front()), runs.size(),
              static_cast<double>(middle.bytes) / static_cast<double>(signals));
  std::vector<double> bare;
  for (int i = 0; i < 3; ++i)
    bare.push_back(bench::time_bare_stream(program, middle.bytes,
                                           middle.bytes / std::max<std::uint64_t>(middle.pages, 1) + 1));
  std::sort(bare.begin(), bare.end());
  std::printf(
      "bare gRPC stream of the same bytes: median %.3f s (%.0f MB/s); sync takes %.1f times as long\n",
      bare[1], static_cast<double>(middle.bytes) / 1e6 / bare[1], middle.seconds / bare[1]);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 4 && std::strcmp(argv[1], "--bare-sender") == 0)
    return bench::serve_bare_stream(std::stoull(argv[2]), std::stoull(argv[3]));
  std::uint64_t signals = 100'000;
  int runs = 3;
  std::string kept;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string flag = argv[i];
    if (flag == "--signals") signals = std::stoull(argv[i + 1]);
    if (flag == "--runs") runs = std::stoi(argv[i + 1]);
    if (flag == "--issuer") kept = argv[i + 1];
  }
  const tests::TempDir work;
  const std::string passphrase = work.write("passphrase", "bench passphrase\n");
  if (chmod(passphrase.c_str(), 0600) != 0) return 1;
  const std::string directory = kept.empty() ? work.file("issuer") : kept;
  const std::string issuer_passphrase = kept.empty() ? passphrase : kept + ".passphrase";
  const bool fresh = access(directory.c_str(), R_OK) != 0;
  if (fresh && !kept.empty()) std::filesystem::copy_file(passphrase, issuer_passphrase);
  Company issuer("issuer.example", directory, issuer_passphrase);
  if (fresh) fill(issuer, signals);
  std::vector<Run> done;
  for (int i = 1; i <= runs; ++i)
    done.push_back(catch_up(issuer, work.file("member" + std::to_string(i)), passphrase, i, signals));
  summarise(done, signals, argv[0]);
  return 0;
}
