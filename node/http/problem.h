#pragma once
// Errors over HTTP: RFC 9457 problem documents.
//
//   {"type":"about:blank","title":"Not Found","status":404,"code":"NOT_FOUND","detail":"no such signal",
//    "rule":"signal/unknown","why":"...","fix":"..."}
//
// `code`, `rule`, `why` and `fix` are extension members; empty ones are left out. Concurrency: pure
// functions.

#include <string_view>

#include "crypto/base/result.h"
#include "node/http/message.h"

namespace tocsin::node {

// The reason phrase, as problem titles and status lines carry it.
std::string_view status_title(unsigned status);

// The error under its code's status.
Response problem(const Error& error);
// Under a status that no code has: 405, 408, 413, 431.
Response problem(unsigned status, const Error& error);

}  // namespace tocsin::node
