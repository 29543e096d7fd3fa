#pragma once
// A company's node, made, run and asked through the real programs; and networks of them.
//
// Each has a folder of its own and two loopback addresses' ports that no other test has. What has been
// started is ended with the object. A wait has a deadline and looks again when the daemon has printed
// something.

#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

#include "node/cli/client.h"
#include "tests/support/catch.h"
#include "tests/support/http_client.h"
#include "tests/support/process.h"
#include "tests/support/temp_dir.h"
#include "tocsin/v1/admin.pb.h"

namespace tocsin::e2e {

inline constexpr std::chrono::milliseconds kPatience{20'000};

using tests::Finished;

// The programs under test.
std::string program(const std::string& name);
// "127.x.y.z:port", free, and on an address that only this process uses.
std::string free_address();
// A value of a JSON text, as in "items.0.id"; lists are joined by spaces; empty when it is not there.
std::string json_field(const std::string& json, const std::string& path);
// `seed` as 64 hex digits that no other seed has.
std::string sha256_of(const std::string& seed);
v1::SubmitRequest submission(const std::vector<std::string>& seeds);

class Company {
 public:
  // `tocsin init`: sealed by a credential, which takes no time to open.
  Company(const tests::TempDir& dir, const std::string& name);
  ~Company();

  // `tocsind serve` with these settings on top; returns when it serves. Once it has ended, again.
  void start(const std::vector<std::string>& settings = {}, const std::string& until = "event=node.serving");
  void kill();
  // SIGTERM; the exit status, nothing when it did not end in time.
  std::optional<int> stop(std::chrono::milliseconds patience = kPatience);
  tests::Process& daemon() { return *daemon_; }

  // `tocsin WORDS --data-dir ... --no-input`.
  Finished tocsin(std::vector<std::string> words) const;
  // The same with -o json, which must succeed.
  std::string ask(std::vector<std::string> words) const;
  // A call on the admin socket, from this process.
  template <typename Reply>
  Result<Reply> call(std::string_view name, const google::protobuf::MessageLite& request) const {
    return cli::AdminClient(socket()).call<Reply>(name, request);
  }
  v1::StatusReply status() const;
  v1::PeerInfo peer(const std::string& name) const;
  bool holds(const std::string& signal) const;
  // One request to the HTTP API, on a connection of its own.
  tests::HttpReply http(const std::string& method, const std::string& path, const std::string& body = {},
                        const std::string& headers = {}) const;
  // Looks until `done`; what it waited for is printed when that does not come.
  void until(const std::string& what, const std::function<bool()>& done);

  std::string name() const { return name_ + ".example"; }
  const std::string& folder() const { return folder_; }
  const std::string& address() const { return address_; }
  std::string socket() const { return folder_ + "/admin.sock"; }
  std::string fingerprint() const { return json_field(made_, "fingerprint"); }
  const std::map<std::string, std::string>& environment() const { return environment_; }

 private:
  std::string name_;
  std::string folder_;
  std::string address_;
  std::string http_address_;
  std::map<std::string, std::string> environment_;
  std::string made_;
  std::unique_ptr<tests::Process> daemon_;
};

// Founds a network and takes the others in, one after the other; returns when all know all.
void make_network(Company& founder, std::initializer_list<Company*> others);
// Reviewed by a person of the company, ready to be published; the signals' ids.
std::vector<std::string> reviewed(const Company& company, const tests::TempDir& dir,
                                  const std::vector<std::string>& seeds);
void publish(const Company& company, const std::string& signal);
// Exports the company's ledger and has tocsin-verify judge it.
Finished verify(const Company& company, const tests::TempDir& dir);

}  // namespace tocsin::e2e
