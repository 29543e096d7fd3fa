#include "node/cli/import.h"

#include <csignal>
#include <fstream>

#include "crypto/hash.h"
#include "protocol/log/text.h"

namespace tocsin::cli {
namespace {

volatile std::sig_atomic_t interrupted = 0;

// While it lives, SIGINT asks the import to stop after the batch in hand.
class InterruptGuard {
 public:
  InterruptGuard() {
    interrupted = 0;
    struct sigaction action {};
    action.sa_handler = [](int) { interrupted = 1; };
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, &before_);
  }
  ~InterruptGuard() { sigaction(SIGINT, &before_, nullptr); }
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;

 private:
  struct sigaction before_ {};
};

class RejectsFile {
 public:
  explicit RejectsFile(std::string path) : path_(std::move(path)) {}
  Status add(std::uint64_t line, std::string_view input, const Error& error) {
    if (!file_.is_open()) file_.open(path_, std::ios::binary | std::ios::trunc);
    JsonObject object;
    object.number("line", line).text("error", error.message).text("rule", error.rule);
    // What is not UTF-8 cannot stand in JSON; its line number has to do.
    if (protocol::is_utf8(input)) object.text("input", input);
    file_ << object.str() << '\n';
    return written();
  }
  Status finish() {
    if (!file_.is_open()) return {};
    file_.close();
    return written();
  }

 private:
  Status written() const {
    if (file_) return {};
    return fail(Error{
        Code::kInternal, "cannot write " + path_, "file/write", {}, "name another file with --rejects"});
  }
  std::string path_;
  std::ofstream file_;
};

void fill_in(v1::NewSignal& signal, const v1::NewSignal& defaults) {
  v1::NewSignal merged = defaults;
  if (signal.labels_size() > 0) merged.clear_labels();
  merged.MergeFrom(signal);
  signal.Swap(&merged);
}

class Import {
 public:
  Import(Session& session, const ImportOptions& options, ImportCounts& counts)
      : session_(session),
        options_(options),
        counts_(counts),
        rejects_(options.rejects_path),
        progress_(session.io().err, session.io().err_tty, session.quiet(), session.now_ms()) {}

  Status run(std::istream& in) {
    const InterruptGuard guard;
    RowReader reader(in, options_.format);
    Status status = read_all(reader);
    progress_.finish();
    const Status closed = rejects_.finish();
    counts_.interrupted = interrupted != 0;
    if (!status) return status;
    return closed;
  }

 private:
  Status read_all(RowReader& reader) {
    Row row;
    while (interrupted == 0) {
      TRY_ASSIGN(const bool more, reader.next(row));
      if (!more) return send();
      line_ = row.line;
      if (row.error) {
        ++counts_.rejected;
        TRY(rejects_.add(row.line, row.text, *row.error));
        if (request_.signals_size() == 0) counts_.last_line = line_;
      } else {
        fill_in(row.signal, options_.defaults);
        row.signal.set_line(row.line);
        request_.add_signals()->Swap(&row.signal);
        texts_.push_back(std::move(row.text));
      }
      if (request_.signals_size() == kImportBatch) TRY(send());
      progress_.update({reader.bytes_read(), options_.input_bytes, row.line, counts_.rejected},
                       session_.now_ms());
    }
    return {};
  }

  Status send() {
    if (request_.signals_size() == 0) return {};
    request_.set_dry_run(options_.dry_run);
    request_.set_submitter_key(options_.submitter_key);
    const Hash digest =
        crypto::sha256_parts({as_view("tocsin1/import"), as_view(request_.SerializeAsString())});
    request_.set_idempotency_key(as_text(ByteView(digest).first(16)).data(), 16);
    auto reply = session_.daemon().call<v1::SubmitReply>("Submit", request_);
    // A lost answer: the key makes asking once more harmless.
    if (!reply && reply.error().code == Code::kDeadlineExceeded) {
      reply = session_.daemon().call<v1::SubmitReply>("Submit", request_);
    }
    if (!reply) return tocsin::fail(std::move(reply).error());
    if (reply->items_size() != request_.signals_size()) {
      return fail(Code::kDataLoss, "tocsind answered for another number of signals than were sent",
                  "admin/reply");
    }
    for (int i = 0; i < reply->items_size(); ++i) TRY(count(reply->items(i), i));
    request_.Clear();
    texts_.clear();
    counts_.last_line = line_;
    return {};
  }

  Status count(const v1::SubmitItem& item, int at) {
    if (item.outcome() == v1::SubmitItem::NEW) {
      ++counts_.fresh;
    } else if (item.outcome() == v1::SubmitItem::KNOWN) {
      ++counts_.known;
    } else {
      ++counts_.rejected;
      return rejects_.add(request_.signals(at).line(), texts_[static_cast<std::size_t>(at)],
                          {Code::kInvalidArgument, item.error(), item.rule(), {}, {}});
    }
    return {};
  }

  Session& session_;
  const ImportOptions& options_;
  ImportCounts& counts_;
  RejectsFile rejects_;
  Progress progress_;
  v1::SubmitRequest request_;
  std::vector<std::string> texts_;  // of the batch, for rejects
  std::uint64_t line_ = 0;
};

}  // namespace

Status import_rows(Session& session, std::istream& in, const ImportOptions& options, ImportCounts& counts) {
  return Import(session, options, counts).run(in);
}

}  // namespace tocsin::cli
