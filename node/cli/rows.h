#pragma once
// Rows of an import: CSV with a header row, or NDJSON, one signal a line.
//
// Guarantee: bounded memory whatever the input is; a row that cannot be read is given back with its line
// number and what is wrong, and the reading goes on. Lines over kRowBytesMax, text that is not UTF-8, unknown
// fields and CSV fields that run over a line's end are such rows. Fields: type, value, quality, labels (CSV:
// with ; between), category, source, jurisdiction, state_involvement, valid_until, first_seen (RFC 3339),
// case_reference, automated_detection, content_group (hex). Errors: kInvalidArgument "import/header",
// "import/row", "import/line". Concurrency: one thread.

#include <istream>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/base/result.h"
#include "tocsin/v1/admin.pb.h"

namespace tocsin::cli {

inline constexpr std::size_t kRowBytesMax = std::size_t{64} << 10;

enum class RowFormat { kDetect, kCsv, kNdjson };
Result<RowFormat> row_format_from_name(std::string_view name);

struct Row {
  std::uint64_t line = 0;  // from 1
  std::string text;        // as read, at most kRowBytesMax
  v1::NewSignal signal;
  std::optional<Error> error;  // the signal is no good then
};

class RowReader {
 public:
  // `in` outlives it. kDetect takes NDJSON when the first character is {.
  RowReader(std::istream& in, RowFormat format) : in_(in), format_(format), buffer_(kRowBytesMax + 2, '\0') {}
  // False at the end. An error is of the header, and ends it.
  Result<bool> next(Row& row);
  std::uint64_t bytes_read() const { return bytes_; }

 private:
  bool read_line(Row& row);
  Status read_header(const std::string& text);
  std::istream& in_;
  RowFormat format_;
  std::string buffer_;
  std::vector<std::string> columns_;
  std::uint64_t line_ = 0;
  std::uint64_t bytes_ = 0;
};

// One field by its name, as text.
Status set_field(v1::NewSignal& signal, std::string_view name, std::string_view value);
Result<std::vector<std::string>> split_csv(std::string_view line);

}  // namespace tocsin::cli
