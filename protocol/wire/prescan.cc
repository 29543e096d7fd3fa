#include "protocol/wire/prescan.h"

#include <limits>
#include <mutex>

#include <google/protobuf/descriptor.h>
#include <google/protobuf/stubs/logging.h>

namespace tocsin::protocol {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

tl::unexpected<Error> malformed(const char* what) {
  return fail(Code::kInvalidArgument, std::string("malformed message: ") + what, "wire/format");
}

Result<std::uint64_t> read_varint(ByteView& bytes) {
  std::uint64_t value = 0;
  for (unsigned i = 0; i < 10; ++i) {
    if (i >= bytes.size()) return malformed("cut inside a number");
    const std::uint8_t byte = bytes[i];
    if (i == 9 && byte > 1) return malformed("a number over 64 bits");
    value |= std::uint64_t{byte & 0x7fU} << (7 * i);
    if ((byte & 0x80U) == 0) {
      bytes = bytes.subspan(i + 1);
      return value;
    }
  }
  return malformed("an endless number");
}

class Scan {
 public:
  explicit Scan(std::size_t elements_max) : left_(elements_max) {}

  Status message(ByteView bytes, const Descriptor* type, int depth) {
    if (depth > kDepthMax) return fail(Code::kResourceExhausted, "message nested too deeply", "wire/depth");
    while (!bytes.empty()) {
      TRY_ASSIGN(const std::uint64_t tag, read_varint(bytes));
      if (tag > std::numeric_limits<std::uint32_t>::max() || tag >> 3 == 0) return malformed("a bad tag");
      TRY(count(1));
      const auto number = static_cast<int>(tag >> 3);
      switch (tag & 7U) {
        case 0:
          TRY(read_varint(bytes));
          break;
        case 1:
          TRY(skip(bytes, 8));
          break;
        case 2:
          TRY(length_delimited(bytes, type->FindFieldByNumber(number), depth));
          break;
        case 5:
          TRY(skip(bytes, 4));
          break;
        default:
          return malformed("a group or an unknown wire type");
      }
    }
    return {};
  }

 private:
  Status count(std::size_t elements) {
    if (elements > left_)
      return fail(Code::kResourceExhausted, "message has too many elements", "wire/elements");
    left_ -= elements;
    return {};
  }

  static Status skip(ByteView& bytes, std::uint64_t length) {
    if (length > bytes.size()) return malformed("cut inside a field");
    bytes = bytes.subspan(static_cast<std::size_t>(length));
    return {};
  }

  Status length_delimited(ByteView& bytes, const FieldDescriptor* field, int depth) {
    TRY_ASSIGN(const std::uint64_t length, read_varint(bytes));
    const ByteView value = bytes;
    TRY(skip(bytes, length));
    const ByteView inner = value.first(static_cast<std::size_t>(length));
    if (field == nullptr) return {};
    if (field->type() == FieldDescriptor::TYPE_MESSAGE)
      return message(inner, field->message_type(), depth + 1);
    if (field->is_packable()) return count(inner.size());
    return {};
  }

  std::size_t left_;
};

void silence_protobuf() {
  static std::once_flag once;
  std::call_once(once, [] { google::protobuf::SetLogHandler(nullptr); });
}

}  // namespace

Status prescan(ByteView bytes, const google::protobuf::Descriptor& type, const WireLimits& limits) {
  if (bytes.size() > limits.bytes_max)
    return fail(Code::kResourceExhausted, "message too large", "wire/size");
  return Scan(limits.elements_max).message(bytes, &type, 1);
}

Status parse_untrusted(ByteView bytes, google::protobuf::Message& out, const WireLimits& limits) {
  silence_protobuf();
  TRY(prescan(bytes, *out.GetDescriptor(), limits));
  if (bytes.size() > static_cast<std::size_t>(std::numeric_limits<int>::max()) ||
      !out.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
    return malformed("a field does not parse");
  return {};
}

}  // namespace tocsin::protocol
