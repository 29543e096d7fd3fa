// The ledger over HTTPS: for members by their nodes' certificates and for clients of the operator's
// authority.
#include <sys/stat.h>

#include "tests/e2e/attacker.h"
#include "tests/support/https_client.h"

using namespace tocsin;
using namespace tocsin::e2e;

namespace {

tests::Certified certificate_of(const Company& company) {
  const node::Keys keys = Attacker::keys_of(company);
  const unsigned char* key = keys.tls.key_pkcs8().data();
  const unsigned char* certificate = keys.tls.certificate_der().data();
  return {{d2i_AutoPrivateKey(nullptr, &key, static_cast<long>(keys.tls.key_pkcs8().size())), EVP_PKEY_free},
          {d2i_X509(nullptr, &certificate, static_cast<long>(keys.tls.certificate_der().size())), X509_free}};
}

std::uint16_t port_of(const std::string& address) {
  return static_cast<std::uint16_t>(std::atoi(address.c_str() + address.rfind(':') + 1));
}

}  // namespace

TEST_CASE("the ledger is read over HTTPS by members and the operator's clients, and by nobody else",
          "[read_plane]") {
  const tests::TempDir dir;
  Company alpha(dir, "alpha");
  Company beta(dir, "beta");
  Company stranger(dir, "stranger");
  const tests::Authority authority("operator");
  const tests::Certified auditor = authority.issue({"auditor"});
  const tests::Certified late =
      authority.issue({"late", std::time(nullptr) - 7200, std::time(nullptr) - 3600});
  const std::string ca = dir.write("ca.pem", authority.own().certificate_pem());
  // The HTTPS client of the tests connects to 127.0.0.1.
  std::string address = free_address();
  address = "127.0.0.1" + address.substr(address.rfind(':'));
  alpha.start({"--read-listen", address, "--read-certificate", "node", "--read-members", "yes",
               "--read-client-ca", ca, "--security-contact", "mailto:security@alpha.example"});
  beta.start();
  make_network(alpha, {&beta});

  const tests::Certified server = certificate_of(alpha);
  const auto get = [&](const tests::Certified* client, const std::string& path) {
    return tests::HttpsClient(port_of(address), {client, &server}).get(path);
  };
  const tests::Certified member = certificate_of(beta);
  const tests::Certified other = certificate_of(stranger);
  const std::string note = get(&member, "/checkpoint").body;
  CHECK(note.starts_with(alpha.name() + "/tocsin\n"));
  CHECK(get(&auditor, "/checkpoint").status == 200);
  CHECK(get(&auditor, "/.well-known/security.txt")
            .body.starts_with("Contact: mailto:security@alpha.example\n"));
  for (const tests::Certified* refused : {static_cast<const tests::Certified*>(nullptr), &other, &late}) {
    const auto reply = get(refused, "/checkpoint");
    INFO(reply.body);
    CHECK(reply.status == 403);
  }
  CHECK(get(&late, "/checkpoint").body.find("tls/client-expired") != std::string::npos);

  // Who is suspended reads no more; a rotated certificate of the server is shown at once.
  alpha.ask({"peer", "suspend", beta.name(), "--reason", "drill"});
  CHECK(get(&member, "/checkpoint").status == 403);
  alpha.ask({"key", "rotate", "tls"});
  CHECK_FALSE(tests::HttpsClient(port_of(address), {&auditor, &server}).connected());
  const tests::Certified rotated = certificate_of(alpha);
  CHECK(tests::HttpsClient(port_of(address), {&auditor, &rotated}).get("/checkpoint").status == 200);
  CHECK(alpha.stop() == 0);
}

TEST_CASE("settings of the read plane that do not fit together are refused at the start, each with its fix",
          "[read_plane]") {
  const tests::TempDir dir;
  Company alpha(dir, "alpha");
  const auto refused = [&](std::vector<std::string> settings) {
    settings.insert(settings.begin(), {program("tocsind"), "serve", "--config",
                                       alpha.folder() + "/tocsin.toml", "--read-listen", free_address()});
    return tests::run_program(settings, alpha.environment());
  };
  CHECK(refused({"--read-members", "yes"}).err.find("read_certificate") != std::string::npos);
  CHECK(refused({"--read-certificate", dir.file("no.pem"), "--read-key", dir.file("no.key")})
            .err.find("tls/files") != std::string::npos);
  CHECK(refused({"--read-certificate", dir.file("no.pem")}).err.find("tls/settings") != std::string::npos);
  CHECK(refused({"--read-retention-days", "30"}).err.find("1280") != std::string::npos);
}
