// Calls about actions and appeals: the operator's over the socket.
#include "node/http/admin_routes.h"
#include "node/http/calls.h"

namespace tocsin::node {
namespace {

Result<v1::ActionReply> act(const AdminParts& parts, const v1::ActionRequest& request) {
  TRY_ASSIGN(Desk::Action action, parts.desk.act(request));
  TRY_ASSIGN(const Appended done, commit(parts.ledger, std::move(action.append)));
  // The same request again got the first answer, whose chain is another than the one drawn now.
  TRY_ASSIGN(const auto leaf_bytes, parts.ledger.leaf(done.first_index));
  TRY_ASSIGN(const protocol::Leaf leaf, protocol::parse_leaf(leaf_bytes));
  TRY_ASSIGN(v1::ActionReply reply, parts.desk.action(leaf.chain, done.first_index));
  reply.set_checkpoint(*done.checkpoint);
  return reply;
}

Result<v1::RecordReply> notify(const AdminParts& parts, const v1::NoticeRequest& request) {
  TRY_ASSIGN(Append append, parts.desk.notify(request));
  TRY_ASSIGN(const Appended done, commit(parts.ledger, std::move(append)));
  v1::RecordReply reply;
  reply.set_index(done.first_index);
  reply.set_count(done.count);
  reply.set_ledger_size(parts.ledger.size());
  reply.set_checkpoint(*done.checkpoint);
  return reply;
}

Result<v1::AppealView> file(const AdminParts& parts, const v1::AppealFileRequest& request) {
  TRY_ASSIGN(Desk::Filed filed, parts.desk.file(request));
  TRY(commit(parts.ledger, std::move(filed.append)));
  return parts.desk.show(filed.appeal);
}

Result<v1::AppealView> committed(const AdminParts& parts, Result<Append> append, const std::string& id) {
  if (!append) return fail(std::move(append).error());
  TRY(commit(parts.ledger, std::move(*append)));
  return parts.desk.show(id);
}

}  // namespace

void add_case_routes(Router& router, const AdminParts& parts) {
  router.add(admin_call<v1::ActionRequest, v1::ActionReply>(
      "ActionTake", [&parts](const auto& request) { return act(parts, request); }));
  router.add(admin_call<v1::NoticeRequest, v1::RecordReply>(
      "ActionNotice", [&parts](const auto& request) { return notify(parts, request); }));
  router.add(admin_call<v1::AppealFileRequest, v1::AppealView>(
      "AppealFile", [&parts](const auto& request) { return file(parts, request); }));
  router.add(admin_call<v1::AppealListRequest, v1::AppealListReply>(
      "AppealList", [&parts](const auto& request) -> Result<v1::AppealListReply> {
        return parts.desk.list(request.all());
      }));
  router.add(admin_call<v1::AppealRequest, v1::AppealView>(
      "AppealShow", [&parts](const auto& request) { return parts.desk.show(request.id()); }));
  router.add(admin_call<v1::AppealRequest, v1::AppealSubjectReply>(
      "AppealSubject", [&parts](const auto& request) { return parts.desk.subject(request.id()); }));
  router.add(admin_call<v1::AppealDecideRequest, v1::AppealView>(
      "AppealDecide",
      [&parts](const auto& request) { return committed(parts, parts.desk.decide(request), request.id()); }));
  router.add(
      admin_call<v1::AppealEscalateRequest, v1::AppealView>("AppealEscalate", [&parts](const auto& request) {
        return committed(parts, parts.desk.escalate(request), request.id());
      }));
  router.add(admin_call<v1::DeadlinesRequest, v1::DeadlinesReply>(
      "Deadlines", [&parts](const auto&) -> Result<v1::DeadlinesReply> { return parts.desk.deadlines(); }));
}

}  // namespace tocsin::node
