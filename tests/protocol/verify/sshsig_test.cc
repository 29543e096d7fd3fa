#include "protocol/verify/sshsig.h"

#include <cstdlib>

#include "tests/support/catch.h"
#include "tests/support/ledger_builder.h"
#include "tests/support/temp_dir.h"

namespace tocsin::protocol {

TEST_CASE("an SSH signature holds for its message, key and namespace alone") {
  const auto key = test::seeded_key(3);
  const std::string signature = sign_sshsig(key, kManifestNamespace, "a manifest\n");
  CHECK(verify_sshsig(signature, key.public_key(), kManifestNamespace, "a manifest\n"));
  CHECK_FALSE(verify_sshsig(signature, key.public_key(), kManifestNamespace, "another\n"));
  CHECK_FALSE(verify_sshsig(signature, key.public_key(), "file", "a manifest\n"));
  CHECK_FALSE(verify_sshsig(signature, test::seeded_key(4).public_key(), kManifestNamespace, "a manifest\n"));
  for (std::size_t at = 0; at < signature.size(); ++at) {
    std::string other = signature;
    other[at] = static_cast<char>(other[at] ^ 1);
    if (verify_sshsig(other, key.public_key(), kManifestNamespace, "a manifest\n"))
      FAIL("byte " << at << " is not looked at");
  }
  CHECK_FALSE(verify_sshsig(signature + "\n", key.public_key(), kManifestNamespace, "a manifest\n"));
  CHECK_FALSE(verify_sshsig("", key.public_key(), kManifestNamespace, "a manifest\n"));
}

TEST_CASE("stock ssh-keygen accepts a manifest's signature and refuses another text") {
  if (std::system("command -v ssh-keygen >/dev/null 2>&1") != 0) {
    WARN("skipped: ssh-keygen is not installed");
    return;
  }
  const tests::TempDir folder;
  const auto key = test::seeded_key(3);
  const std::string message = "video.example/ledger\na manifest\n";
  folder.write("allowed", allowed_signer("video.example/ledger", kManifestNamespace, key.public_key()));
  folder.write("manifest.sig", sign_sshsig(key, kManifestNamespace, message));
  folder.write("manifest", message);
  folder.write("other", message + "more\n");
  const auto accepts = [&](const std::string& name) {
    const std::string command =
        "cd " + folder.path() +
        " && ssh-keygen -Y verify -f allowed -I video.example/ledger -n tocsin-bundle "
        "-s manifest.sig < " +
        name + " >/dev/null 2>&1";
    return std::system(command.c_str()) == 0;
  };
  CHECK(accepts("manifest"));
  CHECK_FALSE(accepts("other"));
}

}  // namespace tocsin::protocol
