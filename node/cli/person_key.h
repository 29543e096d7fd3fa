#pragma once
// A person's soft signing key, in a file sealed under a passphrase (crypto/keyfile.h): reviewers, submitters,
// appeals officers. The daemon learns the public key only; the person signs on their own machine.
//
//   payload: "tocsin-person-key/1" 0x00 ‖ seed(32) ‖ u16 role ‖ pseudonym, UTF-8
//
// Errors: crypto/keyfile.h's; kAlreadyExists "key/exists" when the file to write is there already (it is left
// alone); kInvalidArgument "key/format". Concurrency: values.

#include <string>

#include "crypto/sign.h"

namespace tocsin::cli {

enum class PersonRole : std::uint16_t {
  kReviewer = 2,
  kSubmitter = 3,
  kAppealsOfficer = 4
};  // SPEC §4, KEY_ADDED

std::string_view role_name(std::uint32_t role);
Result<PersonRole> role_from_name(std::string_view name);

struct PersonKey {
  crypto::SigningKey key;
  PersonRole role;
  std::string pseudonym;
};

PersonKey make_person_key(PersonRole role, std::string pseudonym);
// A new file of mode 0600, synced.
Status write_person_key(const PersonKey& key, const std::string& path, const SecretBytes& passphrase);
Result<PersonKey> read_person_key(const std::string& path, const SecretBytes& passphrase);

}  // namespace tocsin::cli
