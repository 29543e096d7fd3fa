#include "node/cli/command.h"
#include "node/cli/exit_code.h"
#include "node/cli/session.h"
#include "node/cli/signal_text.h"
#include "tocsin/v1/admin.pb.h"
#include "tocsin/v1/match.pb.h"

namespace tocsin::cli {
namespace {

std::string hit_line(const v1::MatchHit& hit) {
  std::string out = "HIT  " + printable(hit.type());
  if (hit.type() == "pdq") out += "  distance " + std::to_string(hit.distance());
  out += "  " + printable(short_id(hit.signal()));
  for (const std::string& label : hit.labels()) out += "  " + printable(label);
  const v1::OpinionCounts& opinions = hit.opinions();
  out += "  +" + std::to_string(opinions.positive()) + "/?" + std::to_string(opinions.seed()) + "/−" +
         std::to_string(opinions.negative()) + "  from " + printable(hit.issuer()) + "  " +
         printable(hit.state()) + ": " + printable(hit.handling());
  return out + (hit.reason().empty() ? "" : " (" + printable(hit.reason()) + ")") + "\n";
}

Result<int> report(Session& session, const Arguments& arguments, const v1::MatchReply& reply) {
  std::string text;
  bool hits = false;
  for (const v1::MatchResult& result : reply.results()) {
    for (const v1::MatchHit& hit : result.hits()) text += hit_line(hit);
    if (!result.note().empty())
      text += "     " + printable(result.query().type()) + ": " + printable(result.note()) + "\n";
    hits = hits || result.hits_size() > 0;
  }
  if (!hits) text += "no match\n";
  session.print_one("MatchResult", reply, text);
  return static_cast<int>(hits && arguments.has("--exit-code") ? kFindings : kDone);
}

Result<int> look_up(Session& session, const Arguments& arguments, const std::string& type,
                    const std::string& value) {
  v1::MatchRequest request;
  v1::MatchQuery& query = *request.add_queries();
  query.set_type(type);
  query.set_value(value);
  TRY_ASSIGN(const std::uint64_t quality, arguments.number("--quality", 100, 100));
  if (type == "pdq") query.set_quality(static_cast<std::uint32_t>(quality));
  if (arguments.has("--max-distance")) {
    TRY_ASSIGN(const std::uint64_t distance, arguments.number("--max-distance", 31, 64));
    request.set_max_distance(static_cast<std::uint32_t>(distance));
  }
  TRY_ASSIGN(const auto reply, session.daemon().call<v1::MatchReply>("Match", request));
  return report(session, arguments, reply);
}

Result<int> match_hash(Session& session, const Arguments& arguments) {
  return look_up(session, arguments, arguments.text("TYPE"), arguments.text("VALUE"));
}

Result<int> match_url(Session& session, const Arguments& arguments) {
  return look_up(session, arguments, "url", arguments.text("URL"));
}

Result<int> match_file(Session& session, const Arguments& arguments) {
  TRY_ASSIGN(const auto reply,
             session.daemon().send_file<v1::MatchReply>("MatchFile", arguments.text("PATH")));
  return report(session, arguments, reply);
}

}  // namespace

std::vector<Command> match_commands() {
  const OptionSpec exit_code{"--exit-code", "", "end with 10 when there is a match"};
  return {
      {"match file",
       "hash a file on this machine and look its hashes up",
       {{"PATH", "", "the file", Need::kRequired}, exit_code},
       {"tocsin match file upload.jpg", "tocsin match file upload.jpg --exit-code -o json"},
       match_file},
      {"match hash",
       "look a hash up",
       {{"TYPE", "", "sha256, sha1, md5, pdq or domain", Need::kRequired},
        {"VALUE", "", "the hash", Need::kRequired},
        {"--quality", "0..100", "of a PDQ hash; 100"},
        {"--max-distance", "0..64", "of PDQ hashes; the node's setting otherwise"},
        exit_code},
       {"tocsin match hash md5 9e107d9d372bb6826bd81d3542a419d6"},
       match_hash},
      {"match url",
       "look a URL up",
       {{"URL", "", "in any spelling", Need::kRequired}, exit_code},
       {"tocsin match url https://example.org/manifesto.pdf --exit-code"},
       match_url},
  };
}

}  // namespace tocsin::cli
