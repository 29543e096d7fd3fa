#include "node/media/digest.h"

#include <openssl/evp.h>

namespace tocsin::node {

FileDigester::FileDigester() {
  const EVP_MD* const kinds[] = {EVP_sha256(), EVP_sha1(), EVP_md5()};
  for (std::size_t i = 0; i < contexts_.size(); ++i) {
    contexts_[i] = EVP_MD_CTX_new();
    CHECK_INVARIANT(contexts_[i] != nullptr && EVP_DigestInit_ex(contexts_[i], kinds[i], nullptr) == 1);
  }
}

FileDigester::~FileDigester() {
  for (auto* context : contexts_) EVP_MD_CTX_free(context);
}

void FileDigester::update(ByteView bytes) {
  for (auto* context : contexts_) CHECK_INVARIANT(EVP_DigestUpdate(context, bytes.data(), bytes.size()) == 1);
}

FileDigests FileDigester::finish() {
  FileDigests digests;
  std::uint8_t* const outs[] = {digests.sha256.data(), digests.sha1.data(), digests.md5.data()};
  for (std::size_t i = 0; i < contexts_.size(); ++i)
    CHECK_INVARIANT(EVP_DigestFinal_ex(contexts_[i], outs[i], nullptr) == 1);
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
