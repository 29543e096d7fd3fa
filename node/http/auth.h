#pragma once
// Bearer tokens of the HTTP API: who holds one may do what its scopes say, nothing else.
//
// A token is "tocsin_" and 256 random bits in base32; it is shown once. The file keeps one line per token,
// `name scopes sha256-hex` (scopes separated by commas), so whoever reads it cannot call the node, and
// whoever writes it can: mode 0600 is demanded. Tokens are compared in constant time. Errors:
// kUnauthenticated "auth/token"; kAlreadyExists "auth/name"; kInvalidArgument "auth/file", "auth/name",
// "auth/scopes"; read_private_file's. Concurrency: any thread.

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/base/bytes.h"
#include "crypto/base/secret.h"

namespace tocsin::node {

// What a route asks for. Everything is denied that no scope grants.
enum class Scope : std::uint8_t {
  kOpen = 0,      // no token
  kMetrics = 1,   // "metrics"
  kMatch = 2,     // "match"
  kOperator = 3,  // the admin socket alone; no token grants it
};

// More tokens would make every request slower; a platform needs a handful.
inline constexpr std::size_t kTokensMax = 1000;

class Tokens {
 public:
  // A missing file means no tokens yet.
  static Result<std::unique_ptr<Tokens>> open(std::string path);

  // The new token, already durable. `entropy`: 32 fresh random bytes. Names: 1 to 64 of a-z 0-9 . _ -
  Result<std::string> add(const std::string& name, std::vector<Scope> scopes, const Secret<32>& entropy);
  // kNotFound "auth/name".
  Status remove(std::string_view name);
  // Reads the file again; on failure the tokens in force stay.
  Status reload();

  struct Holder {
    std::string name;
    std::vector<Scope> scopes;
    bool may(Scope scope) const;
  };
  // Who sent this Authorization header ("Bearer tocsin_...").
  Result<Holder> holder(std::string_view authorization) const;

 private:
  struct Entry {
    Holder holder;
    Hash hash;
  };
  explicit Tokens(std::string path) : path_(std::move(path)) {}
  static Result<Entry> parse_line(std::string_view line);
  Status write(const std::vector<Entry>& entries) const;

  const std::string path_;
  // Guarded by mu_.
  mutable std::mutex mu_;
  std::vector<Entry> entries_;
};

}  // namespace tocsin::node
