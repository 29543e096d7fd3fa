// Calls about signals and files: the operator's over the socket, and a platform's POST /v1/match.
#include "crypto/base/encoding.h"
#include "node/config/config.h"
#include "node/http/admin_routes.h"
#include "node/http/calls.h"
#include "node/http/problem.h"
#include "protocol/signal/pdq.h"

namespace tocsin::node {
namespace {

Result<v1::RecordReply> record(Ledger& ledger, Append append) {
  TRY_ASSIGN(const Appended done, commit(ledger, std::move(append)));
  v1::RecordReply reply;
  reply.set_index(done.first_index);
  reply.set_count(done.count);
  reply.set_ledger_size(ledger.size());
  reply.set_checkpoint(*done.checkpoint);
  return reply;
}

Result<v1::SubmitReply> submit(const AdminParts& parts, const v1::SubmitRequest& request) {
  TRY_ASSIGN(Signals::Submission submission, parts.signals.submit(request));
  v1::SubmitReply reply = std::move(submission.reply);
  if (!submission.append.drafts.empty()) {
    TRY_ASSIGN(const Appended done, commit(parts.ledger, std::move(submission.append)));
    std::uint64_t index = done.first_index;
    for (v1::SubmitItem& item : *reply.mutable_items())
      if (item.outcome() == v1::SubmitItem::NEW) item.set_index(index++);
    reply.set_checkpoint(*done.checkpoint);
  }
  reply.set_ledger_size(parts.ledger.size());
  return reply;
}

Result<v1::MatchReply> match(const AdminParts& parts, const v1::MatchRequest& request) {
  parts.metrics.match_queries.add(static_cast<std::uint64_t>(request.queries_size()));
  TRY_ASSIGN(v1::MatchReply reply, parts.signals.match(request));
  for (const v1::MatchResult& result : reply.results())
    if (!result.hits().empty()) parts.metrics.match_hits.add();
  return reply;
}

Result<v1::HashFileReply> hash_file(const AdminParts& parts, const std::string& body) {
  TRY_ASSIGN(const MediaHashes hashes, parts.media.hash(as_view(body)));
  parts.metrics.media_hashed.add();
  v1::HashFileReply reply;
  reply.set_sha256(to_string(hashes.digests.sha256));
  reply.set_md5(to_string(hashes.digests.md5));
  if (hashes.image) {
    reply.set_pdq(protocol::pdq_to_hex(hashes.image->pdq));
    reply.set_quality(hashes.image->quality);
    reply.set_format(std::string(image_format_name(hashes.image->image.format)));
    reply.set_width(hashes.image->image.width);
    reply.set_height(hashes.image->image.height);
  } else if (!hashes.image_error.empty()) {
    parts.metrics.media_refused.add();
  }
  return reply;
}

Result<v1::MatchReply> match_file(const AdminParts& parts, const std::string& body) {
  TRY_ASSIGN(const v1::HashFileReply hashes, hash_file(parts, body));
  v1::MatchRequest request;
  const auto ask = [&](const char* type, std::string value, std::uint32_t quality) {
    v1::MatchQuery& query = *request.add_queries();
    query.set_type(type);
    query.set_value(std::move(value));
    query.set_quality(quality);
  };
  ask("sha256", hex_encode(as_view(hashes.sha256())), 0);
  ask("md5", hex_encode(as_view(hashes.md5())), 0);
  if (!hashes.pdq().empty()) ask("pdq", hashes.pdq(), hashes.quality());
  return match(parts, request);
}

template <typename Out>
Route file_call(const std::string& name, std::function<Result<Out>(const std::string& body)> call) {
  return {"POST", "/admin/v1/" + name, Scope::kOperator,
          [call = std::move(call)](const Request& request) {
            const Result<Out> out = call(request.body);
            return out ? protobuf_reply(*out) : problem(out.error());
          },
          kUploadBytesMax};
}

}  // namespace

void add_signal_routes(Router& router, const AdminParts& parts) {
  router.add(admin_call<v1::SubmitRequest, v1::SubmitReply>(
      "Submit", [&parts](const auto& request) { return submit(parts, request); }));
  router.add(admin_call<v1::SignalRequest, v1::SignalView>(
      "SignalShow", [&parts](const auto& request) { return parts.signals.view(request.id()); }));
  router.add(admin_call<v1::SignalListRequest, v1::SignalListReply>(
      "SignalList", [&parts](const auto& request) { return parts.signals.list(request); }));
  router.add(admin_call<v1::SignalRequest, v1::HistoryReply>(
      "History", [&parts](const auto& request) { return parts.signals.history(request.id()); }));
  router.add(admin_call<v1::SubjectRequest, v1::SubjectReply>(
      "Subject", [&parts](const auto& request) { return parts.signals.subject(request); }));
  router.add(admin_call<v1::QueueRequest, v1::SignalListReply>(
      "Queue", [&parts](const auto& request) { return parts.signals.queue(request.limit()); }));
  const auto recorded = [&](const std::string& name, auto draft) {
    using In = std::decay_t<decltype(draft.second)>;
    router.add(admin_call<In, v1::RecordReply>(
        name, [&parts, make = draft.first](const In& request) -> Result<v1::RecordReply> {
          TRY_ASSIGN(Append append, (parts.signals.*make)(request));
          return record(parts.ledger, std::move(append));
        }));
  };
  recorded("Attested", std::pair(&Signals::attested, v1::AttestedRequest()));
  recorded("Publish", std::pair(&Signals::publish, v1::PublishRequest()));
  recorded("Retract", std::pair(&Signals::retract, v1::RetractRequest()));
  router.add(admin_call<v1::MatchRequest, v1::MatchReply>(
      "Match", [&parts](const auto& request) { return match(parts, request); }));
  router.add(file_call<v1::MatchReply>(
      "MatchFile", [&parts](const std::string& body) { return match_file(parts, body); }));
  router.add(file_call<v1::HashFileReply>(
      "HashFile", [&parts](const std::string& body) { return hash_file(parts, body); }));
}

void add_api_routes(Router& router, const AdminParts& parts) {
  router.add({"POST", "/v1/match", Scope::kMatch,
              [&parts](const Request& request) {
                if (has_media_type(request, "application/json")) {
                  v1::MatchRequest queries;
                  if (const Status read = read_json(request, queries); !read) return problem(read.error());
                  const auto reply = match(parts, queries);
                  return reply ? json_reply(*reply) : problem(reply.error());
                }
                const auto reply = match_file(parts, request.body);
                return reply ? json_reply(*reply) : problem(reply.error());
              },
              kUploadBytesMax});
}

}  // namespace tocsin::node
