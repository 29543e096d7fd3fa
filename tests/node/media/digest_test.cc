#include "node/media/digest.h"

#include "crypto/base/encoding.h"
#include "tests/support/catch.h"

using namespace tocsin;
using namespace tocsin::node;

TEST_CASE("the three digests of abc and of nothing are the published ones") {
  const FileDigests abc = digests_of(as_view("abc"));
  CHECK(hex_encode(abc.sha256) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(hex_encode(abc.sha1) == "a9993e364706816aba3e25717850c26c9cd0d89d");
  CHECK(hex_encode(abc.md5) == "900150983cd24fb0d6963f7d28e17f72");
  CHECK(hex_encode(digests_of({}).md5) == "d41d8cd98f00b204e9800998ecf8427e");
}

TEST_CASE("a digest does not depend on how the file is cut into pieces") {
  Bytes file(300'000);
  for (std::size_t i = 0; i < file.size(); ++i) file[i] = static_cast<std::uint8_t>(i * i >> 3);
  FileDigester digester;
  for (std::size_t at = 0; at < file.size(); at += 777)
    digester.update(ByteView(file).subspan(at, std::min<std::size_t>(777, file.size() - at)));
  const FileDigests pieces = digester.finish(), whole = digests_of(file);
  CHECK(pieces.sha256 == whole.sha256);
  CHECK(pieces.sha1 == whole.sha1);
  CHECK(pieces.md5 == whole.md5);
}
