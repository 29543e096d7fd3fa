#include "node/http/problem.h"

#include "protocol/wire/json_text.h"

namespace tocsin::node {
namespace {

void append_member(std::string& json, std::string_view name, std::string_view value) {
  if (value.empty()) return;
  json += ',';
  protocol::append_json_string(json, name);
  json += ':';
  protocol::append_json_string(json, value);
}

}  // namespace

std::string_view status_title(unsigned status) {
  switch (status) {
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 304:
      return "Not Modified";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 410:
      return "Gone";
    case 413:
      return "Content Too Large";
    case 415:
      return "Unsupported Media Type";
    case 422:
      return "Unprocessable Content";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    default:
      return "Status";
  }
}

Response problem(const Error& error) {
  return problem(http_status(error.code), error);
}

Response problem(unsigned status, const Error& error) {
  Response response;
  response.status = status;
  response.content_type = "application/problem+json";
  std::string& json = response.body;
  json = "{\"type\":\"about:blank\",\"title\":";
  protocol::append_json_string(json, status_title(status));
  json += ",\"status\":" + std::to_string(status);
  append_member(json, "code", code_name(error.code));
  append_member(json, "detail", error.message);
  append_member(json, "rule", error.rule);
  append_member(json, "why", error.why);
  append_member(json, "fix", error.fix);
  json += "}\n";
  if (status == 401) response.headers.push_back({"WWW-Authenticate", "Bearer realm=\"tocsin\""});
  return response;
}

}  // namespace tocsin::node
