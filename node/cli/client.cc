#include "node/cli/client.h"

#include <cerrno>
#include <cstdio>
#include <cstring>

#include <curl/curl.h>
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>
#include <sys/stat.h>

#include "node/cli/terminal.h"
#include "node/config/config.h"

namespace tocsin::cli {
namespace {

// A call that hashes or signs a thousand records takes a second; a minute means that nothing will come.
constexpr long kUploadSeconds = 300;
constexpr long kConnectSeconds = 5;

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, CloseFile>;

std::size_t take(char* data, std::size_t size, std::size_t count, void* out) {
  auto& body = *static_cast<std::string*>(out);
  if (body.size() + size * count > kReplyBytesMax) return 0;
  body.append(data, size * count);
  return size * count;
}

std::size_t give(char* data, std::size_t size, std::size_t count, void* in) {
  return std::fread(data, 1, size * count, static_cast<std::FILE*>(in));
}

Code code_of_status(long status) {
  switch (status) {
    case 400:
    case 413:
    case 415:
    case 422:
      return Code::kInvalidArgument;
    case 401:
      return Code::kUnauthenticated;
    case 403:
      return Code::kPermissionDenied;
    case 404:
      return Code::kNotFound;
    case 409:
    case 412:
      return Code::kFailedPrecondition;
    case 429:
      return Code::kResourceExhausted;
    case 502:
    case 503:
      return Code::kUnavailable;
    case 408:
    case 504:
      return Code::kDeadlineExceeded;
    default:
      return Code::kInternal;
  }
}

Result<File> open_upload(const std::string& path, std::uint64_t& size) {
  File file(std::fopen(path.c_str(), "rb"));
  struct stat about {};
  if (!file || fstat(fileno(file.get()), &about) != 0) {
    return fail(errno == ENOENT ? Code::kNotFound : Code::kPermissionDenied,
                "cannot read " + path + ": " + std::strerror(errno), "file/read");
  }
  if (!S_ISREG(about.st_mode)) return fail(Code::kInvalidArgument, path + " is not a file", "file/read");
  size = static_cast<std::uint64_t>(about.st_size);
  if (size > node::kUploadBytesMax) {
    return fail(Error{
        Code::kInvalidArgument,
        path + " has " + grouped(size) + " bytes; at most " + grouped(node::kUploadBytesMax) + " are taken",
        "file/size",
        {},
        "hash it yourself and give the hash, or take a frame of it"});
  }
  return file;
}

}  // namespace

// One curl handle, kept for the connection it holds.
class AdminClient::Transfer {
 public:
  Transfer() : curl_(curl_easy_init()) { CHECK_INVARIANT(curl_ != nullptr); }
  ~Transfer() {
    curl_slist_free_all(headers_);
    curl_easy_cleanup(curl_);
  }
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  void begin(const std::string& socket, std::string_view name, const char* type) {
    curl_easy_reset(curl_);
    curl_slist_free_all(headers_);
    headers_ = curl_slist_append(nullptr, (std::string("Content-Type: ") + type).c_str());
    headers_ = curl_slist_append(headers_, "Expect:");
    const std::string url = "http://tocsind/admin/v1/" + std::string(name);
    curl_easy_setopt(curl_, CURLOPT_URL, url.c_str());
    curl_easy_setopt(curl_, CURLOPT_UNIX_SOCKET_PATH, socket.c_str());
    curl_easy_setopt(curl_, CURLOPT_PROXY, "");
    curl_easy_setopt(curl_, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl_, CURLOPT_HTTPHEADER, headers_);
    curl_easy_setopt(curl_, CURLOPT_CONNECTTIMEOUT, kConnectSeconds);
    curl_easy_setopt(curl_, CURLOPT_POST, 1L);
    curl_easy_setopt(curl_, CURLOPT_WRITEFUNCTION, take);
    reply_.clear();
    curl_easy_setopt(curl_, CURLOPT_WRITEDATA, &reply_);
  }
  void body(const std::string& bytes, long seconds) {
    curl_easy_setopt(curl_, CURLOPT_TIMEOUT, seconds);
    curl_easy_setopt(curl_, CURLOPT_POSTFIELDS, bytes.data());
    curl_easy_setopt(curl_, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(bytes.size()));
  }
  void body(std::FILE* file, std::uint64_t size) {
    curl_easy_setopt(curl_, CURLOPT_READFUNCTION, give);
    curl_easy_setopt(curl_, CURLOPT_READDATA, file);
    curl_easy_setopt(curl_, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(size));
    curl_easy_setopt(curl_, CURLOPT_TIMEOUT, kUploadSeconds);
  }
  Result<std::string> perform(const std::string& socket, std::string_view name) {
    const CURLcode code = curl_easy_perform(curl_);
    if (code != CURLE_OK) return fail(failure(code, socket, name));
    long status = 0;
    curl_easy_getinfo(curl_, CURLINFO_RESPONSE_CODE, &status);
    if (status != 200) return fail(problem_of(reply_, status));
    return std::move(reply_);
  }

 private:
  Error failure(CURLcode code, const std::string& socket, std::string_view name) {
    long system = 0;
    curl_easy_getinfo(curl_, CURLINFO_OS_ERRNO, &system);
    if (code == CURLE_OPERATION_TIMEDOUT) {
      return {Code::kDeadlineExceeded, "tocsind did not answer " + std::string(name) + " in time",
              "admin/timeout", "socket " + socket, "see its log, then try again"};
    }
    if (code == CURLE_COULDNT_CONNECT && (system == EACCES || system == EPERM)) {
      return {Code::kPermissionDenied, "not allowed to use the socket of tocsind", "admin/socket",
              socket + " belongs to the node's user", "run this as that user or as root"};
    }
    if (code == CURLE_WRITE_ERROR) return bad_reply(name);
    const bool lost = code != CURLE_COULDNT_CONNECT;
    return {Code::kUnavailable, lost ? "tocsind closed the connection" : "tocsind is not running",
            "admin/unreachable", (lost ? "connection to " : "nobody listens at ") + socket,
            "start it:  tocsind serve --config DIR/tocsin.toml   or name its place: --data-dir, --socket"};
  }

  CURL* curl_;
  curl_slist* headers_ = nullptr;
  std::string reply_;
};

AdminClient::AdminClient(std::string socket_path)
    : socket_path_(std::move(socket_path)), transfer_(std::make_unique<Transfer>()) {}
AdminClient::~AdminClient() = default;
AdminClient::AdminClient(AdminClient&&) noexcept = default;

Error AdminClient::bad_reply(std::string_view name) {
  return {Code::kDataLoss,
          "tocsind's reply to " + std::string(name) + " is not one this tocsin understands",
          "admin/reply",
          {},
          "use the tocsin that came with the daemon"};
}

Result<std::string> AdminClient::post(std::string_view name, const std::string& body, long seconds) {
  transfer_->begin(socket_path_, name, "application/x-protobuf");
  transfer_->body(body, seconds);
  return transfer_->perform(socket_path_, name);
}

Result<std::string> AdminClient::post_file(std::string_view name, const std::string& path) {
  std::uint64_t size = 0;
  TRY_ASSIGN(const File file, open_upload(path, size));
  transfer_->begin(socket_path_, name, "application/octet-stream");
  transfer_->body(file.get(), size);
  return transfer_->perform(socket_path_, name);
}

Error problem_of(std::string_view body, long status) {
  Error error{code_of_status(status), "tocsind answered " + std::to_string(status), {}, {}, {}};
  google::protobuf::Struct object;
  if (!google::protobuf::util::JsonStringToMessage(std::string(body), &object).ok()) return error;
  const auto& fields = object.fields();
  const auto text = [&fields](const char* name) {
    const auto found = fields.find(name);
    return found == fields.end() ? std::string() : found->second.string_value();
  };
  if (const auto code = fields.find("code"); code != fields.end()) {
    const double number = code->second.number_value();
    for (unsigned i = 1; i <= 16; ++i) {
      if (number == i || code_name(static_cast<Code>(i)) == code->second.string_value())
        error.code = static_cast<Code>(i);
    }
  }
  if (const std::string title = text("title"); !title.empty()) error.message = title;
  if (const std::string detail = text("detail"); !detail.empty()) error.message = detail;
  error.rule = text("rule");
  error.why = text("why");
  error.fix = text("fix");
  return error;
}

}  // namespace tocsin::cli
