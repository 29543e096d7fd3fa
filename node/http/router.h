#pragma once
// Router: which handler answers a request, who may ask, and how long its body may be.
//
// Patterns are literal segments and {parameters}, "/v1/signals/{id}"; a last {name*} takes one or more
// segments and is no parameter, its handler reads the path. A route is asked for twice: admit()
// sees the header alone and decides before a body is read (404, 405, 401, 403); answer() runs the handler.
// The admin socket may use every route; over TCP a route of Scope::kOperator does not exist. Concurrency:
// add() before the server starts; afterwards const from any thread.

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "node/http/auth.h"
#include "node/http/message.h"

namespace tocsin::node {

// Requests are JSON or protobuf of at most 1000 items.
inline constexpr std::size_t kBodyMax = 8 << 20;
struct Route {
  std::string method;
  std::string pattern;
  Scope scope = Scope::kOperator;
  Handler handler;
  std::size_t body_max = kBodyMax;
};

struct Admission {
  std::optional<Response> refusal;
  const Route* route = nullptr;  // when not refused
};

class Router {
 public:
  // `tokens` outlives the router; without it only open routes answer over TCP.
  explicit Router(const Tokens* tokens) : tokens_(tokens) {}

  void add(Route route);

  // Sets the request's caller and parameters.
  Admission admit(Request& request) const;
  // The handler's response; a handler that throws becomes a 500.
  Response answer(const Route& route, const Request& request) const;

 private:
  struct Entry {
    Route route;
    std::vector<std::string> segments;  // "{" marks a parameter, a last "*" the rest
  };
  std::optional<Response> refuse_caller(const Route& route, Request& request) const;

  const Tokens* tokens_;
  std::vector<std::unique_ptr<Entry>> entries_;
};

}  // namespace tocsin::node
