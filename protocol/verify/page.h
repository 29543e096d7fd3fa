#pragma once
// The page that bundles carry: verify.html, which checks a bundle in a browser without a network (SPEC §9).
//
// Its content is compiled in from protocol/verify/verify.html. Concurrency: any thread.

#include <string_view>

namespace tocsin::protocol {

std::string_view verify_page();

}  // namespace tocsin::protocol
