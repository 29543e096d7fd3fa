#pragma once
// JSON string literals for the places that write JSON without a message behind it: findings, log lines,
// problems, what commands print.
//
// Guarantee: the output is one valid JSON string whatever the bytes: control characters are escaped and bytes
// that are not UTF-8 become U+FFFD. Concurrency: pure functions. Source: RFC 8259 §7.

#include <string>
#include <string_view>

namespace tocsin::protocol {

// `"text"`, with its quotation marks.
void append_json_string(std::string& out, std::string_view text);
std::string json_string(std::string_view text);

}  // namespace tocsin::protocol
