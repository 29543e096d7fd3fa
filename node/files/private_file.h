#pragma once
// Files that only this user may read: keystores, passphrases, token hashes.
//
// Guarantee: write_private_file() replaces the whole file or nothing, and when it returns the bytes survive a
// power cut (temporary file, fsync, rename, fsync of the directory). Files are made with mode 0600. Errors:
// kNotFound "file/missing"; kPermissionDenied "file/permissions" (others may read or write it, or it belongs
// to somebody else than us and root); kInvalidArgument "file/size" or "file/kind"; kUnavailable "file/io".
// Concurrency: writers of one path must not overlap.

#include <cstddef>
#include <string>

#include "crypto/base/bytes.h"
#include "crypto/base/secret.h"

namespace tocsin::node {

// A regular file of at most `bytes_max`, into memory that is wiped.
Result<SecretBytes> read_private_file(const std::string& path, std::size_t bytes_max);
// With `replace` false an existing file stays as it is: kAlreadyExists "file/exists".
Status write_private_file(const std::string& path, ByteView bytes, bool replace = true);

// A passphrase: the file's first line, without its line ending; kInvalidArgument "file/empty" when there is
// none.
Result<SecretBytes> read_passphrase_file(const std::string& path);

// Makes `path` with mode 0700, or takes an empty directory of ours and sets that mode. kAlreadyExists
// "directory/not-empty" otherwise; nothing is changed then.
Status make_private_directory(const std::string& path);

}  // namespace tocsin::node
