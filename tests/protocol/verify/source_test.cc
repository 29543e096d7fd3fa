#include "protocol/verify/source.h"

#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

namespace tocsin::protocol {

TEST_CASE("a file and memory are read where asked, and no further than they go") {
  const tests::TempDir folder;
  const std::string text = "0123456789";
  const auto file = FileSource::open(folder.write("file", text));
  REQUIRE(file);
  const MemorySource memory(to_bytes(as_view(text)));
  for (const ByteSource* source :
       {static_cast<const ByteSource*>(file->get()), static_cast<const ByteSource*>(&memory)}) {
    CHECK(source->size() == 10);
    Bytes some(4);
    REQUIRE(source->read(3, some));
    CHECK(as_text(some) == "3456");
    CHECK_FALSE(source->read(7, some));
  }
}

TEST_CASE("what is no file cannot be a source") {
  const tests::TempDir folder;
  CHECK(FileSource::open(folder.path() + "/none").error().code == Code::kNotFound);
  CHECK(FileSource::open(folder.path()).error().code == Code::kInvalidArgument);
}

}  // namespace tocsin::protocol
