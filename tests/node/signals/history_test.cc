#include "node/signals/history.h"

#include "node/signals/signals.h"
#include "tests/support/company.h"

namespace tocsin::node {
namespace {

using protocol::Event;
using tests::Company;

struct Three {
  Company video{"video.example"};
  Company social{"social.example"};
  Company files{"files.example"};
  std::string id;

  // A signal from its submission to everybody's answer to its retraction.
  Three() {
    REQUIRE(video.commit(video.members->create_network("eu", "")));
    tests::join(video, social);
    tests::join(video, files);
    exchange();
    id = video.submit('a');
    pass();
    REQUIRE(video.commit(video.reviewed(id)));
    pass();
    REQUIRE(video.commit(video.published(id)));
    exchange();
    REQUIRE(social.commit(social.attested(Event::kReceiverReviewed, {id}, social.reviewer)));
    pass();
    REQUIRE(files.commit(files.attested(Event::kOpinion, {id}, files.reviewer)));
    exchange();
    REQUIRE(video.commit(video.retracted(id)));
    exchange();
    exchange();
  }
  void pass() {
    for (Company* one : {&video, &social, &files}) one->runtime.now += 1000;
  }
  void exchange() {
    for (Company* other : {&video, &social, &files})
      for (Company* one : {&video, &social, &files})
        if (one != other) {
          pass();
          REQUIRE(one->pull(*other));
        }
    pass();
  }
};

std::vector<std::string> lines(const Company& at, const std::string& id) {
  const auto reply = at.signals->history(id);
  REQUIRE(reply);
  std::vector<std::string> out;
  for (const auto& entry : reply->entries())
    out.push_back(entry.event_name() + " " + entry.ledger() + " by " + entry.who() + ": " + entry.reason());
  return out;
}

TEST_CASE("a history tells a signal's whole life in every ledger, in one order at every member") {
  Three n;
  const std::vector<std::string> expected = {
      "SUBMITTED video.example by sam of video.example: own-initiative",
      "REVIEWED video.example by rita of video.example: tvec:3.2, 1, law, EU-2021/784",
      "PUBLISHED video.example by video.example: prevent re-upload",
      "RECEIPT social.example by social.example: ",
      "RECEIPT files.example by files.example: ",
      "RECEIVER_REVIEWED social.example by rita of social.example: tvec:3.2, 1, law, EU-2021/784",
      "OPINION files.example by rita of files.example: news-coverage",
      "RETRACTION_ISSUED video.example by video.example: FALSE_POSITIVE, news footage",
      "RECEIPT social.example by social.example: ",
      "RETRACTION_APPLIED social.example by social.example: ",
      "RECEIPT files.example by files.example: ",
      "RETRACTION_APPLIED files.example by files.example: ",
  };
  CHECK(lines(n.video, n.id) == expected);
  CHECK(lines(n.social, n.id) == expected);
  CHECK(lines(n.files, n.id) == expected);
}

TEST_CASE("an entry names its ledger's origin, its place, its time and what the record says") {
  Three n;
  const auto reply = n.files.signals->history(n.id);
  REQUIRE(reply);
  CHECK(reply->left_out() == 0);
  std::uint64_t before = 0;
  for (const v1::HistoryEntry& entry : reply->entries()) {
    CHECK(entry.origin() == entry.ledger() + "/tocsin");
    CHECK(entry.node().size() == 32);
    CHECK(entry.index() > 0);
    CHECK(entry.time_ms() >= before);
    before = entry.time_ms();
  }
  CHECK(reply->entries(0).text().find("indicator sha256 ") != std::string::npos);
  CHECK(reply->entries(2).text().find("tlp amber") != std::string::npos);
  CHECK(reply->entries(6).text().find("opinion negative") != std::string::npos);
  CHECK(reply->entries(9).text().find("matches_after 0") != std::string::npos);
}

TEST_CASE("a history shows records that left the case's memory, by their chain") {
  Three n;
  const std::string id = n.video.submit('b');
  n.pass();
  REQUIRE(n.video.commit(n.video.reviewed(id)));
  REQUIRE(n.video.commit(n.video.published(id)));
  n.exchange();
  for (int i = 0; i < 70; ++i)
    REQUIRE(n.social.commit(n.social.attested(Event::kOpinion, {id}, n.social.reviewer)));
  n.exchange();
  const auto view = n.video.signals->view(id);
  REQUIRE(view);
  CHECK(view->case_().receivers(0).records_size() == 64);
  const auto reply = n.video.signals->history(id);
  REQUIRE(reply);
  const auto opinions = std::count_if(reply->entries().begin(), reply->entries().end(),
                                      [](const auto& entry) { return entry.event_name() == "OPINION"; });
  CHECK(opinions == 70);
}

TEST_CASE("the newest entries are shown and the others counted") {
  std::vector<v1::HistoryEntry> entries(kHistoryMax + 2);
  for (std::size_t i = 0; i < entries.size(); ++i) entries[i].set_time_ms(entries.size() - i);
  const v1::HistoryReply reply = merge_history(entries);
  CHECK(reply.left_out() == 2);
  CHECK(reply.entries(0).time_ms() == 3);
}

TEST_CASE("nobody's history is found under an unknown id") {
  Three n;
  const auto reply = n.video.signals->history("sig_aaaaaaaaaaaaaaaa");
  REQUIRE_FALSE(reply);
  CHECK(reply.error().rule == "signal/unknown");
}

}  // namespace
}  // namespace tocsin::node
