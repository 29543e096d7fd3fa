#pragma once
// The three exact digests of a file, SHA-256, SHA-1 and MD5, in one pass.
//
// SHA-1 and MD5 are here because hash lists use them, never as proof of anything: both can be made to
// collide. OpenSSL and not libsodium: four times as fast, and libsodium has no MD5. Concurrency: one
// FileDigester belongs to one thread.

#include <array>

#include "crypto/base/bytes.h"

struct evp_md_ctx_st;

namespace tocsin::node {

struct FileDigests {
  FixedBytes<32> sha256 = {};
  FixedBytes<20> sha1 = {};
  FixedBytes<16> md5 = {};
};

class FileDigester {
 public:
  FileDigester();
  ~FileDigester();
  FileDigester(const FileDigester&) = delete;
  FileDigester& operator=(const FileDigester&) = delete;

  void update(ByteView bytes);
  // Once, after which the digester is spent.
  FileDigests finish();

 private:
  std::array<evp_md_ctx_st*, 3> contexts_ = {};
};

FileDigests digests_of(ByteView file);

}  // namespace tocsin::node
