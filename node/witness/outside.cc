#include "node/witness/outside.h"

#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <thread>

#include <curl/curl.h>

namespace tocsin::node {
namespace {

constexpr std::size_t kAnswerBytesMax = std::size_t{64} * 1024;
constexpr int kPollMs = 1'000;

tl::unexpected<Error> unreachable(const std::string& why) {
  return fail(Code::kUnavailable, "the witness cannot be reached: " + why, "witness/unreachable");
}

struct Question {
  std::string url;
  std::string body;
  OutsideWitnesses::Asked asked;
  std::string answer;
  curl_slist* headers = nullptr;
};

std::size_t take(char* data, std::size_t size, std::size_t count, void* to) {
  auto& question = *static_cast<Question*>(to);
  const std::size_t bytes = size * count;
  if (question.answer.size() + bytes > kAnswerBytesMax) return 0;
  question.answer.append(data, bytes);
  return bytes;
}

}  // namespace

struct OutsideWitnesses::Worker {
  Worker() {
    curl_global_init(CURL_GLOBAL_DEFAULT);
    multi = curl_multi_init();
    thread = std::thread([this] { run(); });
  }
  ~Worker() {
    stop();
    curl_multi_cleanup(multi);
    curl_global_cleanup();
  }

  void stop() {
    {
      const std::lock_guard lock(mu);
      stopping = true;
    }
    curl_multi_wakeup(multi);
    if (thread.joinable()) thread.join();
  }

  void run() {
    for (;;) {
      std::deque<std::unique_ptr<Question>> taken;
      {
        const std::lock_guard lock(mu);
        if (stopping) break;
        taken.swap(waiting);
      }
      for (auto& question : taken) begin(std::move(question));
      int running = 0;
      curl_multi_perform(multi, &running);
      int left = 0;
      while (CURLMsg* message = curl_multi_info_read(multi, &left))
        if (message->msg == CURLMSG_DONE) end(message->easy_handle, message->data.result);
      curl_multi_poll(multi, nullptr, 0, kPollMs, nullptr);
    }
    while (!open.empty()) end(open.begin()->first, CURLE_ABORTED_BY_CALLBACK);
    for (auto& question : waiting) question->asked(unreachable("the node is stopping"));
    waiting.clear();
  }

  void begin(std::unique_ptr<Question> question) {
    CURL* easy = curl_easy_init();
    Question& q = *question;
    q.headers = curl_slist_append(nullptr, "Content-Type: text/plain; charset=utf-8");
    q.headers = curl_slist_append(q.headers, "Expect:");
    curl_easy_setopt(easy, CURLOPT_URL, q.url.c_str());
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, q.headers);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, static_cast<long>(q.body.size()));
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, q.body.c_str());
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, kOutsideMs);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, &q);
    open.emplace(easy, std::move(question));
    curl_multi_add_handle(multi, easy);
  }

  void end(CURL* easy, CURLcode code) {
    const auto found = open.find(easy);
    const std::unique_ptr<Question> question = std::move(found->second);
    open.erase(found);
    long status = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    curl_multi_remove_handle(multi, easy);
    curl_easy_cleanup(easy);
    curl_slist_free_all(question->headers);
    if (code != CURLE_OK) return question->asked(unreachable(curl_easy_strerror(code)));
    question->asked(CosignAnswer{static_cast<unsigned>(status), std::move(question->answer), {}});
  }

  CURLM* multi = nullptr;
  std::thread thread;
  std::map<CURL*, std::unique_ptr<Question>> open;  // the thread's

  // Guarded by mu.
  std::mutex mu;
  std::deque<std::unique_ptr<Question>> waiting;
  bool stopping = false;
};

OutsideWitnesses::OutsideWitnesses() : worker_(std::make_unique<Worker>()) {}
OutsideWitnesses::~OutsideWitnesses() = default;

void OutsideWitnesses::stop() {
  worker_->stop();
}

void OutsideWitnesses::ask(const std::string& url, const std::string& body, Asked asked) {
  std::optional<Error> refused;
  {
    const std::lock_guard lock(worker_->mu);
    if (worker_->stopping) {
      refused = Error{Code::kUnavailable, "the node is stopping", "witness/unreachable", {}, {}};
    } else if (worker_->waiting.size() >= kOutsideMax) {
      refused =
          Error{Code::kResourceExhausted, "too many witnesses are asked at once", "witness/busy", {}, {}};
    } else {
      auto question = std::make_unique<Question>();
      question->url = url + "/add-checkpoint";
      question->body = body;
      question->asked = std::move(asked);
      worker_->waiting.push_back(std::move(question));
    }
  }
  if (refused) return asked(fail(std::move(*refused)));
  curl_multi_wakeup(worker_->multi);
}

}  // namespace tocsin::node
