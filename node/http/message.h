#pragma once
// An HTTP request and its response as plain values; handlers see nothing else of HTTP.
//
// A Handler runs on Lane::kWorkers, several at a time; it may wait for the sequencer.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace tocsin::node {

enum class Entrance : std::uint8_t {
  kTcp = 0,          // strangers until a token says otherwise
  kAdminSocket = 1,  // this user or root, by SO_PEERCRED
};

struct Header {
  std::string name;  // lower case in requests
  std::string value;
};

struct Request {
  std::string method;
  std::string path;   // as sent, percent-encoded, without the query
  std::string query;  // after the '?'; as sent
  std::vector<Header> headers;
  std::string body;
  Entrance entrance = Entrance::kTcp;
  std::string caller;                   // the token's name, or "uid 0"; empty on open routes
  std::vector<std::string> parameters;  // what stood for the pattern's {…}, decoded, in order

  // The first header of that (lower-case) name, or nothing.
  std::string_view header(std::string_view name) const {
    for (const Header& h : headers)
      if (h.name == name) return h.value;
    return {};
  }
};

struct Response {
  unsigned status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
  std::vector<Header> headers;
  bool cacheable = false;  // the handler says in its headers how; else nobody may keep it
};

using Handler = std::function<Response(const Request&)>;

}  // namespace tocsin::node
