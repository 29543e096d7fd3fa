#include "crypto/base/bytes.h"

namespace tocsin {

Error wrong_length(std::string_view what, std::size_t need, std::size_t got) {
  return Error{Code::kInvalidArgument,
               std::string(what) + ": need " + std::to_string(need) + " bytes, got " + std::to_string(got),
               "format/length",
               {},
               {}};
}

}  // namespace tocsin
