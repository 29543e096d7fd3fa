#include "node/http/log_routes.h"

#include <atomic>
#include <map>

#include "crypto/base/encoding.h"
#include "node/http/server.h"
#include "protocol/log/checkpoint.h"
#include "protocol/log/tile.h"
#include "tests/node/ledger/fixture.h"
#include "tests/support/catch.h"
#include "tests/support/http_client.h"

using namespace tocsin;
using namespace tocsin::node;
using tocsin::tests::HttpClient;
using tocsin::tests::HttpReply;

namespace {

// A served log under a prefix, on a real socket.
struct LogSite {
  LogSite(const storage::LogStore& log, PublishedSource published, const HttpLimits& limits = {}) {
    add_log_routes(router,
                   {log, std::move(published), "/tocsin", "abc", [this] { return minimum_index.load(); }});
    server = std::make_unique<HttpServer>(runtime, router, metrics, limits);
    port = server->listen_tcp("127.0.0.1:0").value();
  }
  ~LogSite() {
    server->stop();
    runtime.stop();
  }
  HttpReply get(const std::string& path, const std::string& more = "") {
    return HttpClient::tcp(port).ask("GET /tocsin/" + path + " HTTP/1.1\r\nHost: t\r\n" + more +
                                     "Connection: close\r\n\r\n");
  }

  std::atomic<std::uint64_t> minimum_index = 0;
  Metrics metrics;
  Router router{nullptr};
  AsioRuntime runtime{2};
  std::unique_ptr<HttpServer> server;
  std::uint16_t port = 0;
};

Published published_of(const Ledger& ledger) {
  const LedgerHead head = ledger.head();
  return {head.tree, head.checkpoint};
}

void grow_to(LedgerFixture& fixture, std::uint64_t size) {
  std::vector<Draft> drafts;
  while (fixture.ledger->size() + drafts.size() < size) drafts.push_back(receipt(drafts.size()));
  REQUIRE(fixture.append(std::move(drafts)));
}

// A reader that knows nothing but the text of C2SP tlog-tiles, tlog-checkpoint and RFC 6962.
class Stranger {
 public:
  explicit Stranger(LogSite& site) : site_(site) {}

  void read_checkpoint() {
    const std::string note = site_.get("checkpoint").body;
    const std::size_t first = note.find('\n');
    const std::size_t second = note.find('\n', first + 1);
    const std::size_t third = note.find('\n', second + 1);
    origin = note.substr(0, first);
    size = std::stoull(note.substr(first + 1, second - first - 1));
    root = *base64_decode(note.substr(second + 1, third - second - 1));
  }

  // The leaves' hashes, from the entry bundles.
  std::vector<Bytes> hash_entries() {
    std::vector<Bytes> hashes;
    for (std::uint64_t n = 0; n * 256 < size; ++n) {
      const std::uint64_t width = std::min<std::uint64_t>(256, size - n * 256);
      const std::string bundle = fetch("tile/entries/" + path_of(n, width));
      std::size_t at = 0;
      for (std::uint64_t i = 0; i < width; ++i) {
        const std::size_t length =
            static_cast<unsigned char>(bundle[at]) * 256u + static_cast<unsigned char>(bundle[at + 1]);
        hashes.push_back(sha256(std::string(1, '\0') + bundle.substr(at + 2, length)));
        at += 2 + length;
      }
      CHECK(at == bundle.size());
    }
    return hashes;
  }

  // MTH over the hashes, and every tile met on the way compared with the served one.
  Bytes root_with_tiles_checked(const std::vector<Bytes>& leaves) {
    std::vector<Bytes> row = leaves;
    for (unsigned level = 0; !row.empty(); ++level) {
      std::vector<Bytes> above;
      for (std::size_t n = 0; n * 256 < row.size(); ++n) {
        const std::size_t width = std::min<std::size_t>(256, row.size() - n * 256);
        std::string joined;
        for (std::size_t i = 0; i < width; ++i) joined += to_string(row[n * 256 + i]);
        CHECK(fetch("tile/" + std::to_string(level) + "/" + path_of(n, width)) == joined);
        if (width == 256) above.push_back(tree(row, n * 256, n * 256 + 256));
      }
      row = std::move(above);
    }
    return tree(leaves, 0, leaves.size());
  }

  std::string origin;
  std::uint64_t size = 0;
  Bytes root;

 private:
  std::string fetch(const std::string& path) {
    const HttpReply reply = site_.get(path);
    INFO(path);
    CHECK(reply.status == 200);
    CHECK(reply.has("Content-Type: application/octet-stream"));
    return reply.body;
  }
  static std::string path_of(std::uint64_t n, std::uint64_t width) {
    char digits[16];
    std::snprintf(digits, sizeof digits, "%03u", static_cast<unsigned>(n % 1000));
    std::string path = digits;
    for (n /= 1000; n > 0; n /= 1000) {
      std::snprintf(digits, sizeof digits, "x%03u/", static_cast<unsigned>(n % 1000));
      path.insert(0, digits);
    }
    return width < 256 ? path + ".p/" + std::to_string(width) : path;
  }
  static Bytes sha256(const std::string& text) { return to_bytes(crypto::sha256(as_view(text))); }
  static Bytes tree(const std::vector<Bytes>& leaves, std::size_t begin, std::size_t end) {
    if (end - begin == 1) return leaves[begin];
    std::size_t half = 1;
    while (half * 2 < end - begin) half *= 2;
    return sha256("\x01" + to_string(tree(leaves, begin, begin + half)) +
                  to_string(tree(leaves, begin + half, end)));
  }

  LogSite& site_;
};

}  // namespace

TEST_CASE("a stranger recomputes the signed root of a real ledger from what is served, at every size") {
  LedgerFixture fixture;
  LogSite site(fixture.ledger->log(), [&] { return published_of(*fixture.ledger); });
  for (const std::uint64_t size : {1, 2, 255, 256, 257, 513, 700}) {
    grow_to(fixture, size);
    Stranger stranger(site);
    stranger.read_checkpoint();
    CHECK(stranger.origin == fixture.ledger->origin());
    REQUIRE(stranger.size == size);
    CHECK(stranger.root_with_tiles_checked(stranger.hash_entries()) == stranger.root);
    CHECK(stranger.root == to_bytes(fixture.signed_head().root));
  }
}

TEST_CASE("three levels of tiles are served, and our own reader proves records with them") {
  storage::MemoryStore memory;
  const storage::LogStore log(*memory);
  constexpr std::uint64_t kSize = 70'000;
  protocol::TileWriter writer;
  storage::Batch batch;
  std::vector<Hash> leaves;
  for (std::uint64_t i = 0; i < kSize; ++i) {
    protocol::LeafBytes leaf{};
    std::memcpy(leaf.data(), &i, sizeof i);
    storage::LogStore::put_leaf(batch, i, leaf);
    leaves.push_back(protocol::leaf_hash(leaf));
  }
  writer.append(leaves);
  for (const auto& tile : writer.take_changed()) storage::LogStore::put_tile(batch, tile);
  REQUIRE(memory->commit(batch));
  const auto root = writer.range().root();
  LogSite site(log, [&] { return Published{{kSize, root}, std::make_shared<const std::string>("note")}; });
  CHECK(site.get("tile/0/272").body.size() == 8192);
  CHECK(site.get("tile/0/273.p/112").body.size() == 112 * 32);
  CHECK(site.get("tile/1/001.p/17").body.size() == 17 * 32);
  CHECK(site.get("tile/2/000.p/1").body.size() == 32);
  protocol::TileNodes served(kSize, [&](const protocol::TileId& tile) -> Result<Bytes> {
    return to_bytes(as_view(site.get(protocol::tile_path(tile)).body));
  });
  for (const std::uint64_t index :
       {std::uint64_t{0}, std::uint64_t{65'535}, std::uint64_t{65'536}, kSize - 1}) {
    const auto proof = protocol::inclusion_proof(index, kSize, served.nodes());
    REQUIRE(proof);
    CHECK(protocol::verify_inclusion(leaves[index], index, kSize, *proof, root));
  }
}

TEST_CASE("nothing beyond the published size is served, whatever the store holds") {
  LedgerFixture fixture;
  grow_to(fixture, 300);
  const auto early = std::make_shared<const std::string>("the note of size 200");
  LogSite site(fixture.ledger->log(), [&] { return Published{{200, Hash{}}, early}; });
  CHECK(site.get("checkpoint").body == *early);
  CHECK(site.get("tile/0/000.p/200").status == 200);
  CHECK(site.get("tile/entries/000.p/200").body.size() == 200 * 130);
  for (const char* path :
       {"tile/0/000", "tile/0/000.p/201", "tile/0/001.p/44", "tile/1/000.p/1", "tile/entries/000",
        "tile/entries/000.p/201", "tile/entries/001.p/1", "tile/63/000.p/1", "tile/64/000.p/1"})
    CHECK(site.get(path).status == 404);
}

TEST_CASE("a partial tile stays what it was after its tile has grown") {
  LedgerFixture fixture;
  LogSite site(fixture.ledger->log(), [&] { return published_of(*fixture.ledger); });
  grow_to(fixture, 100);
  const std::string hashes = site.get("tile/0/000.p/100").body;
  const std::string entries = site.get("tile/entries/000.p/100").body;
  grow_to(fixture, 600);
  CHECK(site.get("tile/0/000.p/100").body == hashes);
  CHECK(site.get("tile/entries/000.p/100").body == entries);
  CHECK(site.get("tile/0/000").body.substr(0, hashes.size()) == hashes);
}

TEST_CASE("misspelt tiles are not there, and nothing is before the first checkpoint") {
  LedgerFixture fixture;
  grow_to(fixture, 300);
  LogSite site(fixture.ledger->log(), [&] { return published_of(*fixture.ledger); });
  for (const char* path :
       {"tile", "tile/", "tile/0", "tile/0/", "tile/0/0", "tile/0/0000", "tile/00/000", "tile/0/x000/000",
        "tile/0/000.p/0", "tile/0/000.p/256", "tile/0/000.p/01", "tile/0/000.p/", "tile/-1/000",
        "tile/0/00%30", "tile/entries/000/", "tile/data/000", "tile/0/x999/x999/x999/x999/x999/x999/999"})
    CHECK(site.get(path).status == 404);
  LogSite nothing(fixture.ledger->log(), [] { return Published{}; });
  CHECK(nothing.get("checkpoint").status == 404);
  CHECK(nothing.get("tile/0/000").status == 404);
}

TEST_CASE("tiles may be kept for ever, the checkpoint must be asked for again, refusals are not kept") {
  LedgerFixture fixture;
  grow_to(fixture, 300);
  LogSite site(fixture.ledger->log(), [&] { return published_of(*fixture.ledger); });
  const HttpReply tile = site.get("tile/0/000");
  CHECK(tile.has("Cache-Control: public, max-age=31536000, immutable"));
  CHECK(tile.has("ETag: \"abc\""));
  CHECK(tile.has("Access-Control-Allow-Origin: *"));
  CHECK(site.get("tile/0/009").has("Cache-Control: no-store"));
  const HttpReply note = site.get("checkpoint");
  CHECK(note.has("Cache-Control: no-cache"));
  CHECK(note.has("Content-Type: text/plain; charset=utf-8"));
  const std::size_t at = note.head.find("ETag: ") + 6;
  const std::string etag = note.head.substr(at, note.head.find('\r', at) - at);
  const HttpReply same = site.get("checkpoint", "If-None-Match: " + etag + "\r\n");
  CHECK(same.status == 304);
  CHECK(same.body.empty());
  CHECK(same.head.find("Content-Length") == std::string::npos);
  grow_to(fixture, 301);
  CHECK(site.get("checkpoint", "If-None-Match: " + etag + "\r\n").status == 200);
  HttpClient client = HttpClient::tcp(site.port);
  client.send("HEAD /tocsin/tile/0/000 HTTP/1.1\r\nHost: t\r\n\r\n");
  const HttpReply head = client.receive(true);
  CHECK(head.status == 200);
  CHECK(head.has("Content-Length: 8192"));
  CHECK(client.ask("POST /tocsin/checkpoint HTTP/1.1\r\nHost: t\r\nContent-Length: 0\r\n\r\n").status == 405);
}

TEST_CASE("what ends at or below the minimum index is gone, and everything else can still be proved") {
  LedgerFixture fixture;
  grow_to(fixture, 1000);
  LogSite site(fixture.ledger->log(), [&] { return published_of(*fixture.ledger); });
  site.minimum_index = 512;
  for (const char* path : {"tile/entries/000", "tile/entries/001", "tile/0/000", "tile/0/001",
                           "tile/entries/001.p/7", "tile/0/000.p/200"}) {
    const HttpReply reply = site.get(path);
    INFO(path);
    CHECK(reply.status == 410);
    CHECK(reply.has("Cache-Control: no-store"));
    CHECK(reply.body.find("before 512") != std::string::npos);
    CHECK(reply.body.find("http/pruned") != std::string::npos);
  }
  CHECK(site.get("tile/entries/002").status == 200);
  CHECK(site.get("tile/0/002").status == 200);
  CHECK(site.get("tile/entries/009").status == 404);
  // C2SP: any record from the minimum index on has its proof in any tree that holds it.
  const auto head = fixture.signed_head();
  protocol::TileNodes served(1000, [&](const protocol::TileId& tile) -> Result<Bytes> {
    const HttpReply reply = site.get(protocol::tile_path(tile));
    if (reply.status != 200) return fail(Code::kNotFound, reply.body);
    return to_bytes(as_view(reply.body));
  });
  for (const std::uint64_t index : {std::uint64_t{512}, std::uint64_t{777}, std::uint64_t{999}}) {
    const auto proof = protocol::inclusion_proof(index, 1000, served.nodes());
    REQUIRE(proof);
    const Hash leaf = protocol::leaf_hash(*fixture.ledger->leaf(index));
    CHECK(protocol::verify_inclusion(leaf, index, 1000, *proof, head.root));
  }
  CHECK(protocol::consistency_proof(600, 1000, served.nodes()));
  site.minimum_index = 0;
  CHECK(site.get("tile/entries/000").status == 200);
}
