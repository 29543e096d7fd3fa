#include <unistd.h>

#include "crypto/base/encoding.h"
#include "node/cli/command.h"
#include "node/cli/exit_code.h"
#include "node/cli/person_key.h"
#include "node/cli/session.h"
#include "node/cli/time_text.h"
#include "tocsin/v1/admin.pb.h"

namespace tocsin::cli {
namespace {

Result<int> add(Session& session, const Arguments& arguments) {
  TRY_ASSIGN(const PersonRole role, role_from_name(arguments.text("--role")));
  TRY_ASSIGN(const std::uint64_t until,
             parse_moment(arguments.has("--expires") ? arguments.text("--expires") : "1y", session.now_ms()));
  TRY_ASSIGN(const SecretBytes passphrase, read_secret_file(arguments.text("--passphrase-file")));
  const PersonKey person = make_person_key(role, arguments.text("NAME"));
  const std::string path = arguments.text("--key-file");
  TRY(write_person_key(person, path, passphrase));
  v1::UserAddRequest request;
  request.set_pseudonym(person.pseudonym);
  request.set_role(static_cast<std::uint32_t>(role));
  request.set_public_key(to_string(person.key.public_key()));
  request.set_valid_until_ms(until);
  auto user = session.daemon().call<v1::User>("UserAdd", request);
  if (!user) {
    unlink(path.c_str());  // nobody knows this key: leave no file that looks like one in use
    return tocsin::fail(std::move(user).error());
  }
  session.print_one("User", *user,
                    "✓ " + printable(person.pseudonym) + " is " + std::string(role_name(user->role())) +
                        " until " + print_time(user->valid_until_ms()) + "   key " +
                        hex_encode(as_view(user->key_id())) + "\n  " + path +
                        " holds the key: give it to them, and keep no copy\n");
  return static_cast<int>(kDone);
}

Result<int> list(Session& session, const Arguments&) {
  TRY_ASSIGN(const auto reply, session.daemon().call<v1::UserListReply>("UserList", v1::UserListRequest()));
  Table table = {{"PERSON", "ROLE", "KEY", "FROM", "UNTIL", "STATE"}};
  for (const v1::User& user : reply.users()) {
    table.push_back({user.pseudonym(), std::string(role_name(user.role())),
                     hex_encode(as_view(user.key_id())), print_time(user.valid_from_ms()),
                     print_time(user.valid_until_ms()), user.retired() ? "retired" : "active"});
  }
  session.print_list("UserList", reply.users(), table);
  return static_cast<int>(kDone);
}

Result<int> token(Session& session, const Arguments& arguments) {
  v1::TokenRequest request;
  request.set_name(arguments.text("NAME"));
  TRY_ASSIGN(const auto reply, session.daemon().call<v1::TokenReply>("Token", request));
  session.print_one("Token", reply, reply.token());
  if (session.for_people()) session.io().err << "shown once: the node keeps only its hash\n";
  return static_cast<int>(kDone);
}

}  // namespace

std::vector<Command> user_commands() {
  return {
      {"user add",
       "give a person a signing key and record its public half",
       {{"NAME", "", "a pseudonym: it stands in the ledger", Need::kRequired},
        {"--role", "ROLE", "reviewer, submitter or appeals-officer", Need::kRequired},
        {"--key-file", "OUT", "where to put the key; never overwritten", Need::kRequired},
        {"--passphrase-file", "FILE", "its first line seals the key", Need::kRequired},
        {"--expires", "WHEN", "a duration or a time; 1y"}},
       {"tocsin user add r-17 --role reviewer --key-file r-17.key --passphrase-file r-17.pass"},
       add},
      {"user list", "people's keys", {}, {"tocsin user list", "tocsin user list -o json"}, list},
      {"token create",
       "a bearer token for the HTTP API",
       {{"NAME", "", "what it is for", Need::kRequired}},
       {"tocsin token create upload-desk > upload-desk.token"},
       token},
  };
}

}  // namespace tocsin::cli
