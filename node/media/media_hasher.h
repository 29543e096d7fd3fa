#pragma once
// MediaHasher: the digests of any file, and the PDQ hash of an image, without trusting the file.
//
// Digests are taken here, by code that does not look at what the bytes mean; so exact matching does not
// depend on the decoder. Images are decoded in a separate sandboxed process (tocsin-media), kept between
// requests and replaced after a crash, a missed deadline, an answer that does not parse, or a share of work.
// Whatever a file does to the decoder, this process goes on, and the file's digests are returned with the
// reason why there is no image hash. Errors of hash(): none for the file's content. kFailedPrecondition, rule
// "media/worker-missing" or "media/sandbox", when no worker starts. hash_file() adds kNotFound and
// kInvalidArgument, rule "media/file". Concurrency: any thread; images are decoded one at a time, digests in
// parallel. Blocks up to the deadline: for workers.

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "node/media/digest.h"
#include "node/media/image_hash.h"
#include "node/media/worker_process.h"

namespace tocsin::node {

struct MediaHashes {
  FileDigests digests;
  std::optional<ImageHash> image;  // for JPEG, PNG and WebP that decode
  std::string image_error;         // why an image has no hash; empty for other files
};

struct MediaHasherOptions {
  std::string worker;                             // path of tocsin-media
  std::uint32_t deadline_ms = 10'000;             // for one image, waiting for the worker's turn not included
  std::uint32_t requests_per_worker_max = 1000;   // a subverted worker does not live long
  std::uint32_t busy_ms_per_worker_max = 60'000;  // half of the processor time the sandbox allows it
};

class MediaHasher {
 public:
  // kFailedPrecondition, rule "media/worker-missing", when the worker cannot be executed. Starts nothing yet.
  static Result<std::unique_ptr<MediaHasher>> make(MediaHasherOptions options);

  // tocsin-media in the folder of this program, or in ../libexec/tocsin from there.
  static std::string default_worker();

  Result<MediaHashes> hash(ByteView file);
  // Reads a regular file in pieces; only an image is held in memory, up to kImageBytesMax.
  Result<MediaHashes> hash_file(const std::string& path);

 private:
  explicit MediaHasher(MediaHasherOptions options) : options_(std::move(options)) {}
  Status add_image(ByteView file, MediaHashes& hashes);
  Result<ImageHash> ask(ByteView file);
  Result<ImageHash> ask_once(ByteView file);

  const MediaHasherOptions options_;

  std::mutex mu_;  // guards the rest
  std::unique_ptr<WorkerProcess> worker_;
  std::uint32_t requests_ = 0;  // of the present worker
  std::uint32_t busy_ms_ = 0;
};

}  // namespace tocsin::node
