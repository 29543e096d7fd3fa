#include "node/media/digest.h"

#include <openssl/evp.h>

namespace tocsin::node {
namespace {

void start(EVP_MD_CTX*& context, const EVP_MD* kind) {
  context = EVP_MD_CTX_new();
  CHECK_INVARIANT(context != nullptr && EVP_DigestInit_ex(context, kind, nullptr) == 1);
}

void finish_one(EVP_MD_CTX* context, std::uint8_t* out) {
  CHECK_INVARIANT(EVP_DigestFinal_ex(context, out, nullptr) == 1);
}

}  // namespace

FileDigester::FileDigester() {
  start(contexts_[0], EVP_sha256());
  start(contexts_[1], EVP_sha1());
  start(contexts_[2], EVP_md5());
}

FileDigester::~FileDigester() {
  for (auto* context : contexts_) EVP_MD_CTX_free(context);
}

void FileDigester::update(ByteView bytes) {
  for (auto* context : contexts_) CHECK_INVARIANT(EVP_DigestUpdate(context, bytes.data(), bytes.size()) == 1);
}

FileDigests FileDigester::finish() {
  FileDigests digests;
  finish_one(contexts_[0], digests.sha256.data());
  finish_one(contexts_[1], digests.sha1.data());
  finish_one(contexts_[2], digests.md5.data());
  return digests;
}

FileDigests digests_of(ByteView file) {
  // In pieces that stay in the cache, so that memory is read once for the three.
  constexpr std::size_t kPieceBytes = 64 << 10;
  FileDigester digester;
  for (; file.size() > kPieceBytes; file = file.subspan(kPieceBytes))
    digester.update(file.first(kPieceBytes));
  digester.update(file);
  return digester.finish();
}

}  // namespace tocsin::node
