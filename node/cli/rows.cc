#include "node/cli/rows.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>

#include "crypto/base/encoding.h"
#include "node/cli/exit_code.h"
#include "node/cli/time_text.h"
#include "protocol/log/text.h"

namespace tocsin::cli {
namespace {

struct TextField {
  std::string_view name;
  void (*set)(v1::NewSignal&, std::string);
};
constexpr TextField kTextFields[] = {
    {"type", [](v1::NewSignal& s, std::string v) { s.set_type(std::move(v)); }},
    {"value", [](v1::NewSignal& s, std::string v) { s.set_value(std::move(v)); }},
    {"category", [](v1::NewSignal& s, std::string v) { s.set_category(std::move(v)); }},
    {"source", [](v1::NewSignal& s, std::string v) { s.set_source(std::move(v)); }},
    {"jurisdiction", [](v1::NewSignal& s, std::string v) { s.set_jurisdiction(std::move(v)); }},
    {"state_involvement", [](v1::NewSignal& s, std::string v) { s.set_state_involvement(std::move(v)); }},
    {"case_reference", [](v1::NewSignal& s, std::string v) { s.set_case_reference(std::move(v)); }},
    {"automated_detection", [](v1::NewSignal& s, std::string v) { s.set_automated_detection(std::move(v)); }},
};
constexpr std::string_view kOtherFields[] = {"quality", "labels", "valid_until", "first_seen",
                                             "content_group"};

bool is_field(std::string_view name) {
  const auto text = [name](const TextField& field) { return field.name == name; };
  return std::any_of(std::begin(kTextFields), std::end(kTextFields), text) ||
         std::find(std::begin(kOtherFields), std::end(kOtherFields), name) != std::end(kOtherFields);
}

Error row_error(std::string message) {
  return {Code::kInvalidArgument, std::move(message), "import/row", {}, {}};
}

void set_labels(v1::NewSignal& signal, std::string_view value) {
  while (!value.empty()) {
    const std::size_t end = std::min(value.find(';'), value.size());
    if (end > 0) signal.add_labels(std::string(value.substr(0, end)));
    value.remove_prefix(std::min(end + 1, value.size()));
  }
}

Result<std::string> text_of(const google::protobuf::Value& value, std::string_view name) {
  using Kind = google::protobuf::Value::KindCase;
  if (value.kind_case() == Kind::kStringValue) return value.string_value();
  const double number = value.number_value();
  if (value.kind_case() == Kind::kNumberValue && number >= 0 && number < 9e15 &&
      number == static_cast<double>(static_cast<std::uint64_t>(number))) {
    return std::to_string(static_cast<std::uint64_t>(number));
  }
  return tocsin::fail(row_error(std::string(name) + " is neither text nor a whole number"));
}

Status from_json(const std::string& text, v1::NewSignal& signal) {
  google::protobuf::Struct object;
  if (!google::protobuf::util::JsonStringToMessage(text, &object).ok()) {
    return tocsin::fail(row_error("this line is no JSON object"));
  }
  for (const auto& [name, value] : object.fields()) {
    if (value.has_null_value()) continue;
    if (name == "labels" && value.has_list_value()) {
      for (const auto& label : value.list_value().values()) {
        TRY_ASSIGN(*signal.add_labels(), text_of(label, "a label"));
      }
      continue;
    }
    TRY_ASSIGN(const std::string field, text_of(value, name));
    TRY(set_field(signal, name, field));
  }
  return {};
}

Status from_csv(const std::vector<std::string>& columns, const std::string& text, v1::NewSignal& signal) {
  TRY_ASSIGN(const std::vector<std::string> cells, split_csv(text));
  if (cells.size() != columns.size()) {
    return tocsin::fail(row_error("this row has " + std::to_string(cells.size()) +
                                  " fields, the header has " + std::to_string(columns.size())));
  }
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (!cells[i].empty()) TRY(set_field(signal, columns[i], cells[i]));
  }
  return {};
}

}  // namespace

Result<RowFormat> row_format_from_name(std::string_view name) {
  if (name == "csv") return RowFormat::kCsv;
  if (name == "ndjson") return RowFormat::kNdjson;
  return tocsin::fail(
      usage_error("no import format \"" + std::string(name) + "\"", "--format csv or --format ndjson"));
}

Status set_field(v1::NewSignal& signal, std::string_view name, std::string_view value) {
  for (const TextField& field : kTextFields) {
    if (field.name != name) continue;
    field.set(signal, std::string(value));
    return {};
  }
  if (name == "labels") {
    set_labels(signal, value);
  } else if (name == "quality") {
    unsigned quality = 0;
    const auto parsed = std::from_chars(value.data(), value.data() + value.size(), quality);
    if (parsed.ec != std::errc() || parsed.ptr != value.data() + value.size() || quality > 100) {
      return tocsin::fail(
          row_error("quality is a whole number from 0 to 100, not \"" + std::string(value) + "\""));
    }
    signal.set_quality(quality);
  } else if (name == "valid_until" || name == "first_seen") {
    const Result<std::uint64_t> time = parse_time(value);
    if (!time) return tocsin::fail(row_error(time.error().message));
    name == "valid_until" ? signal.set_valid_until_ms(*time) : signal.set_first_seen_ms(*time);
  } else if (name == "content_group") {
    const Result<Bytes> group = hex_decode(value);
    if (!group || group->size() != 32) return tocsin::fail(row_error("content_group is 64 hex digits"));
    signal.set_content_group(to_string(*group));
  } else {
    return tocsin::fail(row_error("there is no field \"" + std::string(name) + "\""));
  }
  return {};
}

Result<std::vector<std::string>> split_csv(std::string_view line) {
  std::vector<std::string> cells;
  std::size_t at = 0;
  while (true) {
    std::string cell;
    if (at < line.size() && line[at] == '"') {
      for (++at;; ++at) {
        if (at == line.size()) return tocsin::fail(row_error("a quoted field does not end on this line"));
        if (line[at] == '"' && at + 1 < line.size() && line[at + 1] == '"')
          ++at;
        else if (line[at] == '"')
          break;
        cell += line[at];
      }
      if (++at < line.size() && line[at] != ',')
        return tocsin::fail(row_error("text follows a closing quote"));
    } else {
      const std::size_t end = std::min(line.find(',', at), line.size());
      cell = line.substr(at, end - at);
      at = end;
    }
    cells.push_back(std::move(cell));
    if (at == line.size()) return cells;
    ++at;  // the comma; a field follows, though it be empty
  }
}

bool RowReader::read_line(Row& row) {
  in_.getline(buffer_.data(), static_cast<std::streamsize>(buffer_.size()));
  const auto count = static_cast<std::size_t>(in_.gcount());
  if (count == 0 && in_.eof()) return false;
  row.line = ++line_;
  row.error.reset();
  row.signal.Clear();
  bytes_ += count;
  const bool too_long = in_.fail() && !in_.eof() && !in_.bad();
  row.text.assign(buffer_.data(), in_.eof() || too_long ? count : count - 1);
  if (too_long) {
    in_.clear();
    in_.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
    bytes_ += static_cast<std::uint64_t>(in_.gcount());
  }
  if (line_ == 1 && row.text.rfind("\xEF\xBB\xBF", 0) == 0) row.text.erase(0, 3);
  if (!row.text.empty() && row.text.back() == '\r') row.text.pop_back();
  if (too_long || row.text.size() > kRowBytesMax) {
    row.text.resize(200);  // enough to find it again
    row.error = Error{Code::kInvalidArgument, "the line is longer than 64 KiB", "import/line", {}, {}};
  } else if (!protocol::is_utf8(row.text)) {
    row.error = row_error("the line is not UTF-8");
  }
  return true;
}

Status RowReader::read_header(const std::string& text) {
  const Result<std::vector<std::string>> names = split_csv(text);
  if (!names)
    return fail(Code::kInvalidArgument, "the header row: " + names.error().message, "import/header");
  for (std::string name : *names) {
    while (!name.empty() && name.back() == ' ') name.pop_back();
    while (!name.empty() && name.front() == ' ') name.erase(0, 1);
    if (!is_field(name) || std::find(columns_.begin(), columns_.end(), name) != columns_.end()) {
      return fail(Error{Code::kInvalidArgument,
                        "the header row names no such field, or twice: \"" + name + "\"",
                        "import/header",
                        {},
                        "a header such as  type,value,quality,labels,category"});
    }
    columns_.push_back(std::move(name));
  }
  return {};
}

Result<bool> RowReader::next(Row& row) {
  while (read_line(row)) {
    if (row.text.find_first_not_of(" \t") == std::string::npos && !row.error) continue;
    if (format_ == RowFormat::kDetect)
      format_ = row.text.front() == '{' ? RowFormat::kNdjson : RowFormat::kCsv;
    if (format_ == RowFormat::kCsv && columns_.empty()) {
      if (row.error) return fail(std::move(*row.error));
      TRY(read_header(row.text));
      continue;
    }
    if (row.error) return true;
    Status read = format_ == RowFormat::kCsv ? from_csv(columns_, row.text, row.signal)
                                             : from_json(row.text, row.signal);
    if (!read) row.error = std::move(read).error();
    return true;
  }
  return false;
}

}  // namespace tocsin::cli
