// Stands in for a decoder that a hostile image has taken over: after one request it does what the image's
// bytes say.
#include <csignal>
#include <string_view>

#include <unistd.h>

#include "crypto/base/encoding.h"
#include "node/media/image_hash.h"

using namespace tocsin;
using namespace tocsin::node;

namespace {

bool read_all(std::uint8_t* out, std::size_t size) {
  for (std::size_t done = 0; done < size;) {
    const ssize_t n = read(STDIN_FILENO, out + done, size - done);
    if (n <= 0) return false;
    done += static_cast<std::size_t>(n);
  }
  return true;
}

bool put(ByteView bytes) {
  return write(STDOUT_FILENO, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size());
}

void act(std::string_view order) {
  if (order == "crash") {
    signal(SIGSEGV, SIG_DFL);  // a sanitizer would report and leave instead
    raise(SIGSEGV);
  }
  if (order == "leave") _exit(9);
  if (order == "hang") pause();
  if (order == "garbage") put(as_view("not an answer at all"));
  if (order == "lie") put(Bytes{1, 0, 43, 1, 1, 200});
  if (order == "stop halfway") {
    put(Bytes{1, 0});
    pause();
  }
  while (order == "flood" && put(Bytes(4096, 2))) {
  }
  if (order == "answer") put(encode_answer(ImageHash{{ImageFormat::kJpeg, 1, 1, true}, {}, 5}));
  if (order == "answer and die") {
    put(encode_answer(ImageHash{{ImageFormat::kJpeg, 1, 1, true}, {}, 5}));
    _exit(0);
  }
}

}  // namespace

int main() {
  std::uint8_t header[kRequestHeaderBytes];
  while (read_all(header, sizeof header)) {
    Bytes file(get_be<std::uint32_t>(header));
    if (!read_all(file.data(), file.size())) return 1;
    act(as_text(ByteView(file).subspan(3)));
  }
}
