#include "node/http/auth.h"

#include <algorithm>

#include "crypto/base/encoding.h"
#include "crypto/hash.h"
#include "node/files/private_file.h"

namespace tocsin::node {
namespace {

constexpr std::string_view kTokenPrefix = "tocsin_";
constexpr std::size_t kTokenFileMax = 256 * kTokensMax;
// A token has 59 characters; nobody's hash is computed over more.
constexpr std::size_t kAuthorizationMax = 256;

struct ScopeName {
  Scope scope;
  std::string_view name;
};
constexpr ScopeName kScopeNames[] = {{Scope::kMetrics, "metrics"}, {Scope::kMatch, "match"}};

bool is_token_name(std::string_view name) {
  return !name.empty() && name.size() <= 64 && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
  });
}

std::string scopes_text(const std::vector<Scope>& scopes) {
  std::string out;
  for (const ScopeName& known : kScopeNames) {
    if (std::find(scopes.begin(), scopes.end(), known.scope) == scopes.end()) continue;
    if (!out.empty()) out += ',';
    out += known.name;
  }
  return out;
}

Result<std::vector<Scope>> parse_scopes(std::string_view text) {
  std::vector<Scope> scopes;
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find(','));
    const auto* known = std::find_if(std::begin(kScopeNames), std::end(kScopeNames),
                                     [&](const ScopeName& s) { return s.name == word; });
    if (known == std::end(kScopeNames))
      return fail(Code::kInvalidArgument, "\"" + std::string(word) + "\" is no scope", "auth/file");
    scopes.push_back(known->scope);
    text.remove_prefix(std::min(text.size(), word.size() + 1));
  }
  return scopes;
}

tl::unexpected<Error> refuse(std::string message) {
  return fail(Error{Code::kUnauthenticated, std::move(message), "auth/token", "",
                    "send \"Authorization: Bearer <token>\"; tocsin token create makes one"});
}

}  // namespace

bool Tokens::Holder::may(Scope scope) const {
  return scope == Scope::kOpen || std::find(scopes.begin(), scopes.end(), scope) != scopes.end();
}

Result<Tokens::Entry> Tokens::parse_line(std::string_view line) {
  const std::size_t first = line.find(' ');
  const std::size_t second = line.find(' ', first + 1);
  if (first == std::string_view::npos || second == std::string_view::npos)
    return fail(Code::kInvalidArgument, "needs \"name scopes sha256-hex\"", "auth/file");
  Entry entry;
  entry.holder.name = line.substr(0, first);
  if (!is_token_name(entry.holder.name)) return fail(Code::kInvalidArgument, "bad token name", "auth/file");
  TRY_ASSIGN(entry.holder.scopes, parse_scopes(line.substr(first + 1, second - first - 1)));
  TRY_ASSIGN(const Bytes hash, hex_decode(line.substr(second + 1)));
  TRY_ASSIGN(entry.hash, fixed<32>(hash, "token hash"));
  return entry;
}

Result<std::unique_ptr<Tokens>> Tokens::open(std::string path) {
  std::unique_ptr<Tokens> tokens(new Tokens(std::move(path)));
  TRY(tokens->reload());
  return tokens;
}

Status Tokens::reload() {
  const auto file = read_private_file(path_, kTokenFileMax);
  if (!file && file.error().code != Code::kNotFound) return fail(file.error());
  std::vector<Entry> entries;
  std::string_view text = file ? as_text(file->expose()) : std::string_view();
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (line.empty() || line.front() == '#') continue;
    auto entry = parse_line(line);
    if (!entry)
      return fail(Code::kInvalidArgument, path_ + ":" + std::to_string(number) + ": " + entry.error().message,
                  "auth/file");
    if (entries.size() == kTokensMax)
      return fail(Code::kInvalidArgument, path_ + ": too many tokens", "auth/file");
    entries.push_back(std::move(*entry));
  }
  const std::lock_guard lock(mu_);
  entries_ = std::move(entries);
  return {};
}

Status Tokens::write(const std::vector<Entry>& entries) const {
  std::string text = "# name scopes sha256(token): made by tocsin, one token a line\n";
  for (const Entry& entry : entries)
    text += entry.holder.name + " " + scopes_text(entry.holder.scopes) + " " + hex_encode(entry.hash) + "\n";
  return write_private_file(path_, as_view(text));
}

Result<std::string> Tokens::add(const std::string& name, std::vector<Scope> scopes,
                                const Secret<32>& entropy) {
  if (!is_token_name(name))
    return fail(Code::kInvalidArgument, "a token's name has 1 to 64 characters of a-z 0-9 . _ -",
                "auth/name");
  const bool grantable = std::all_of(scopes.begin(), scopes.end(),
                                     [](Scope s) { return s == Scope::kMetrics || s == Scope::kMatch; });
  if (scopes.empty() || !grantable)
    return fail(Code::kInvalidArgument, "a token needs grantable scopes", "auth/scopes");
  std::string token = std::string(kTokenPrefix) + base32_encode(entropy.expose());
  const std::lock_guard lock(mu_);
  for (const Entry& entry : entries_)
    if (entry.holder.name == name)
      return fail(Error{Code::kAlreadyExists, "there is a token named " + name + " already", "auth/name", "",
                        "choose another name, or remove that token first"});
  if (entries_.size() == kTokensMax) return fail(Code::kResourceExhausted, "too many tokens", "auth/name");
  std::vector<Entry> entries = entries_;
  entries.push_back({{name, std::move(scopes)}, crypto::sha256(as_view(token))});
  TRY(write(entries));
  entries_ = std::move(entries);
  return token;
}

Status Tokens::remove(std::string_view name) {
  const std::lock_guard lock(mu_);
  std::vector<Entry> entries = entries_;
  std::erase_if(entries, [&](const Entry& entry) { return entry.holder.name == name; });
  if (entries.size() == entries_.size())
    return fail(Code::kNotFound, "there is no token named " + std::string(name), "auth/name");
  TRY(write(entries));
  entries_ = std::move(entries);
  return {};
}

Result<Tokens::Holder> Tokens::holder(std::string_view authorization) const {
  static constexpr std::string_view kScheme = "bearer ";
  if (authorization.empty()) return refuse("this needs a token");
  if (authorization.size() > kAuthorizationMax || authorization.size() < kScheme.size())
    return refuse("the token is not known here");
  for (std::size_t i = 0; i < kScheme.size(); ++i)
    if ((authorization[i] | 0x20) != kScheme[i] && authorization[i] != kScheme[i])
      return refuse("only bearer tokens are accepted");
  const Hash hash = crypto::sha256(as_view(authorization.substr(kScheme.size())));
  const std::lock_guard lock(mu_);
  // Every entry is compared, so that the time tells nothing about where or whether one matched.
  const Entry* match = nullptr;
  for (const Entry& entry : entries_)
    if (equal_secret(entry.hash, hash)) match = &entry;
  if (match == nullptr) return refuse("the token is not known here");
  return match->holder;
}

}  // namespace tocsin::node
