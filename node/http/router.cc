#include "node/http/router.h"

#include <algorithm>
#include <exception>

#include "node/http/problem.h"
#include "node/log/log.h"

namespace tocsin::node {
namespace {

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// A path segment without its percent-encoding; nothing for a broken escape or an encoded NUL.
std::optional<std::string> decode_segment(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    if (i + 2 >= text.size()) return std::nullopt;
    const int high = hex_value(text[i + 1]);
    const int low = hex_value(text[i + 2]);
    if (high < 0 || low < 0 || high + low == 0) return std::nullopt;
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

std::vector<std::string_view> split(std::string_view path) {
  std::vector<std::string_view> segments;
  path.remove_prefix(1);
  for (;;) {
    const std::size_t slash = path.find('/');
    segments.push_back(path.substr(0, slash));
    if (slash == std::string_view::npos) return segments;
    path.remove_prefix(slash + 1);
  }
}

std::optional<std::vector<std::string>> decode_path(std::string_view path) {
  if (path.empty() || path.front() != '/') return std::nullopt;
  std::vector<std::string> segments;
  for (const std::string_view segment : split(path)) {
    auto decoded = decode_segment(segment);
    if (!decoded) return std::nullopt;
    segments.push_back(std::move(*decoded));
  }
  return segments;
}

bool matches(const std::vector<std::string>& pattern, const std::vector<std::string>& path) {
  const auto same = [](const std::string& p, const std::string& s) { return p == "{" ? !s.empty() : p == s; };
  const bool open_ended = pattern.back() == "*";
  if (!open_ended) return std::equal(pattern.begin(), pattern.end(), path.begin(), path.end(), same);
  return path.size() >= pattern.size() && std::equal(pattern.begin(), pattern.end() - 1, path.begin(), same);
}

}  // namespace

void Router::add(Route route) {
  CHECK_INVARIANT(!route.pattern.empty() && route.pattern.front() == '/' && route.handler);
  auto entry = std::make_unique<Entry>();
  for (const std::string_view segment : split(route.pattern)) {
    const bool parameter = segment.substr(0, 1) == "{";
    entry->segments.emplace_back(parameter ? (segment.ends_with("*}") ? "*" : "{") : segment);
  }
  entry->route = std::move(route);
  entries_.push_back(std::move(entry));
}

Admission Router::admit(Request& request) const {
  const auto segments = decode_path(request.path);
  if (!segments) return {problem({Code::kInvalidArgument, "the path does not parse", "http/path"}), nullptr};
  const std::string method = request.method == "HEAD" ? "GET" : request.method;
  std::string allowed;
  for (const auto& entry : entries_) {
    const Route& route = entry->route;
    const bool visible = request.entrance == Entrance::kAdminSocket || route.scope != Scope::kOperator;
    if (!visible || !matches(entry->segments, *segments)) continue;
    if (route.method != method) {
      if (!allowed.empty()) allowed += ", ";
      allowed += route.method;
      continue;
    }
    for (std::size_t i = 0; i < entry->segments.size(); ++i)
      if (entry->segments[i] == "{") request.parameters.push_back((*segments)[i]);
    auto refusal = refuse_caller(route, request);
    const bool refused = refusal.has_value();
    return {std::move(refusal), refused ? nullptr : &route};
  }
  if (allowed.empty())
    return {problem({Code::kNotFound, "there is nothing at this path", "http/path"}), nullptr};
  Response response = problem(405, {Code::kInvalidArgument, "this path takes " + allowed, "http/method"});
  response.headers.push_back({"Allow", allowed});
  return {std::move(response), nullptr};
}

std::optional<Response> Router::refuse_caller(const Route& route, Request& request) const {
  if (request.entrance == Entrance::kAdminSocket || route.scope == Scope::kOpen) return std::nullopt;
  if (tokens_ == nullptr) return problem({Code::kUnauthenticated, "this node has no tokens", "auth/token"});
  const auto holder = tokens_->holder(request.header("authorization"));
  if (!holder) return problem(holder.error());
  if (!holder->may(route.scope))
    return problem(
        {Code::kPermissionDenied, "the token " + holder->name + " does not grant this", "auth/scope"});
  request.caller = holder->name;
  return std::nullopt;
}

Response Router::answer(const Route& route, const Request& request) const {
  // Our functions do not throw; what they call may, when memory runs out. One request fails then, not the
  // node.
  try {
    return route.handler(request);
  } catch (const std::exception& thrown) {
    log_event(LogLevel::kError, "http.handler_failed", {{"route", route.pattern}, {"error", thrown.what()}});
    return problem({Code::kInternal, "the request could not be answered", "http/handler"});
  }
}

}  // namespace tocsin::node
