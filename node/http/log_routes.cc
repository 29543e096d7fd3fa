#include "node/http/log_routes.h"

#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>

#include "crypto/base/encoding.h"
#include "crypto/hash.h"
#include "node/http/problem.h"
#include "protocol/log/leaf.h"
#include "protocol/log/tile.h"

namespace tocsin::node {
namespace {

// Full tiles and bundles kept ready: those of the newest 32,000 records and the levels above, about 4 MiB.
constexpr std::size_t kShelfMax = 128;

// A year, the most that caches honour.
constexpr const char* kForEver = "public, max-age=31536000, immutable";

Response not_there() {
  return problem({Code::kNotFound, "the ledger has published nothing at this path", "http/path"});
}

// 304 when the client holds the same; else the body. Pages of other sites may read what is public.
Response cacheable(const Request& request, Response response, const std::string& etag, const char* how_long) {
  const std::string_view held = request.header("if-none-match");
  const std::string quoted = "\"" + etag + "\"";
  if (held == "*" || held.find(quoted) != std::string_view::npos) response = {304, {}, {}, {}, true};
  response.cacheable = true;
  response.headers.push_back({"Cache-Control", how_long});
  response.headers.push_back({"ETag", quoted});
  response.headers.push_back({"Access-Control-Allow-Origin", "*"});
  return response;
}

Response checkpoint(const LogRoutes& routes, const Request& request) {
  const Published published = routes.published();
  if (!published.checkpoint) return not_there();
  const Hash digest = crypto::sha256(as_view(*published.checkpoint));
  return cacheable(request, {200, "text/plain; charset=utf-8", *published.checkpoint, {}, true},
                   hex_encode(ByteView(digest).first(8)), "no-cache");
}

Result<std::string> read_tile(const storage::LogStore& log, const protocol::TilePath& path) {
  const protocol::TileId& tile = path.tile;
  if (!path.entries) {
    TRY_ASSIGN(const Bytes stored, log.tile(tile));
    return to_string(ByteView(stored).first(tile.width * sizeof(Hash)));
  }
  TRY_ASSIGN(const Bytes leaves, log.leaves(tile.index * protocol::kTileWidth, tile.width));
  Bytes bundle;
  bundle.reserve(tile.width * (protocol::kLeafBytes + 2));
  for (std::size_t i = 0; i < tile.width; ++i)
    protocol::append_entry(bundle, ByteView(leaves).subspan(i * protocol::kLeafBytes, protocol::kLeafBytes));
  return to_string(bundle);
}

// What was served last and can never change: whole tiles and bundles.
class Shelf {
 public:
  std::optional<std::string> find(const std::string& path) {
    const std::lock_guard lock(mu_);
    const auto found = bodies_.find(path);
    return found == bodies_.end() ? std::nullopt : std::optional(found->second);
  }
  void put(const std::string& path, const std::string& body) {
    const std::lock_guard lock(mu_);
    if (!bodies_.emplace(path, body).second) return;
    order_.push_back(path);
    if (order_.size() <= kShelfMax) return;
    bodies_.erase(order_.front());
    order_.pop_front();
  }

 private:
  std::mutex mu_;
  std::map<std::string, std::string> bodies_;  // guarded by mu_
  std::deque<std::string> order_;              // oldest first; guarded by mu_
};

// One past the last record under a tile or bundle, had it its full width.
std::uint64_t end_index(const protocol::TileId& tile, bool entries) {
  const unsigned shift = protocol::kTileHeight * (entries ? 1 : tile.level + 1);
  constexpr std::uint64_t kNever = ~std::uint64_t{0};
  return shift >= 64 || tile.index >= (kNever >> shift) ? kNever : (tile.index + 1) << shift;
}

Response pruned(std::uint64_t minimum_index) {
  return problem(410, {Code::kNotFound,
                       "the records before " + std::to_string(minimum_index) +
                           " are older than this log's retention and no longer served here",
                       "http/pruned", "a log's tree goes on unchanged; only old tiles and bundles are closed",
                       "ask the node's operator for a bundle of them"});
}

Response tile(const LogRoutes& routes, Shelf& shelf, const Request& request) {
  // The raw path: an escaped spelling of it is another resource.
  const std::string_view name = std::string_view(request.path).substr(routes.prefix.size() + 1);
  const auto path = protocol::parse_tile_path(name);
  if (!path) return not_there();
  const std::uint64_t size = routes.published().tree.size;
  if (path->tile.width > protocol::tile_width(size, path->tile.level, path->tile.index)) return not_there();
  if (routes.minimum_index) {
    const std::uint64_t minimum = routes.minimum_index();
    if (end_index(path->tile, path->entries) <= minimum) return pruned(minimum);
  }
  const bool whole = path->tile.width == protocol::kTileWidth;
  auto kept = whole ? shelf.find(request.path) : std::nullopt;
  Result<std::string> body = kept ? std::move(*kept) : read_tile(routes.log, *path);
  if (!body) return problem(body.error());
  if (whole && !kept) shelf.put(request.path, *body);
  return cacheable(request, {200, "application/octet-stream", std::move(*body), {}, true}, routes.etag_of,
                   kForEver);
}

}  // namespace

void add_log_routes(Router& router, LogRoutes given) {
  const auto routes = std::make_shared<const LogRoutes>(std::move(given));
  router.add({"GET", routes->prefix + "/checkpoint", Scope::kOpen,
              [routes](const Request& request) { return checkpoint(*routes, request); }});
  router.add({"GET", routes->prefix + "/tile/{path*}", Scope::kOpen,
              [routes, shelf = std::make_shared<Shelf>()](const Request& request) {
                return tile(*routes, *shelf, request);
              }});
}

}  // namespace tocsin::node
