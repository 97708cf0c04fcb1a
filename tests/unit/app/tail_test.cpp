// The commands that read, against a hub that is a script: what they ask, what they print, and their
// exit codes.
#include <algorithm>
#include <mutex>
#include <sstream>
#include <string>
#include <utility>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <gmock/gmock.h>

#include "hub/app/commands.h"
#include "hub/app/record_text.h"
#include "tests/unit/app/scripted_server.h"

namespace runnel::app {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// A topic "t" with partition 0 (offsets 2 to 4) and 1 (offset 0), two records an answer.
// `then_start` is where partition 0 begins once somebody has asked for its topics.
class ScriptedHub {
 public:
  explicit ScriptedHub(int then_start = 2)
      : then_start_(then_start), server_([this](std::string& input) { return answer(input); }) {}

  [[nodiscard]] Peer peer() const { return {"127.0.0.1", server_.port()}; }

  [[nodiscard]] std::vector<std::string> asked() {
    const std::scoped_lock lock(mutex_);
    return asked_;
  }

 private:
  static std::string record(int partition, int offset) {
    return R"({"partition":)" + std::to_string(partition) + R"(,"offset":)" +
           std::to_string(offset) + R"(,"timestamp_ms":1000,"key":"k","value":"v)" +
           std::to_string(offset) + R"(","headers":[]})";
  }

  std::string records(const std::string& target) const {
    const auto number = [&](const std::string& name) {
      const auto at = target.find(name + "=");
      return std::stoi(target.substr(at + name.size() + 1));
    };
    const int partition = number("partition");
    const int end = partition == 0 ? 5 : 1;
    const int start = partition == 0 ? start_ : 0;
    int offset = number("offset");
    if (offset < start || offset > end) {
      return http_response(R"({"error":"outside"})", "416 Range Not Satisfiable");
    }
    std::string list;
    for (int n = 0; n < std::min(2, number("max")) && offset < end; ++n, ++offset) {
      list += (list.empty() ? "" : ",") + record(partition, offset);
    }
    return http_response(
        R"({"records":[)" + list + R"(],"next_offset":)" + std::to_string(offset) +
        R"(,"high_watermark":)" + std::to_string(end) + R"(,"log_start_offset":)" +
        std::to_string(start) + "}"
    );
  }

  std::string topics() {
    const std::string start = std::to_string(std::exchange(start_, then_start_));
    return http_response(
        R"({"topics":[{"name":"t","partitions":[)"
        R"({"partition":0,"log_start_offset":)" +
        start +
        R"(,"high_watermark":5},)"
        R"({"partition":1,"log_start_offset":0,"high_watermark":1}]}]})"
    );
  }

  ScriptedServer::Answer answer(std::string& input) {
    const std::string target = take_request(input);
    if (target.empty()) return {};
    {
      const std::scoped_lock lock(mutex_);
      asked_.push_back(target);
    }
    if (target == "/api/v1/topics") return {topics(), false};
    if (target != "/api/v1/status") return {records(target), false};
    return {
        http_response(R"({"version":"9.9","uptime_s":61,"healthy":false,"connections":3,)"
                      R"("disk_bytes":1048576,"disk_limit_bytes":2097152})"),
        false};
  }

  int start_ = 2;
  int then_start_;
  std::mutex mutex_;
  std::vector<std::string> asked_;
  ScriptedServer server_;
};

struct Outcome {
  int code = -1;
  std::string out;
  std::string err;
};

template <class Command>
Outcome outcome_of(const Command& run) {
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  Outcome outcome;
  outcome.code = run();
  outcome.out = testing::internal::GetCapturedStdout();
  outcome.err = testing::internal::GetCapturedStderr();
  return outcome;
}

Outcome run_tail(ScriptedHub& hub, Tail command) {
  command.http = hub.peer();
  return outcome_of([&] { return tail(command); });
}

TEST(Tail, ReadsAllPartitionsFromTheirStartToWhereTheyEnded) {
  ScriptedHub hub;
  const Outcome outcome = run_tail(hub, {.topic = "t"});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_EQ(
      outcome.out,
      "0\t2\t1970-01-01T00:00:01.000Z\tk\tv2\n"
      "0\t3\t1970-01-01T00:00:01.000Z\tk\tv3\n"
      "0\t4\t1970-01-01T00:00:01.000Z\tk\tv4\n"
      "1\t0\t1970-01-01T00:00:01.000Z\tk\tv0\n"
  );
  EXPECT_THAT(
      hub.asked(),
      ElementsAre(
          "/api/v1/topics",
          "/api/v1/topics/t/records?partition=0&offset=2&max=500&wait_ms=0",
          "/api/v1/topics/t/records?partition=0&offset=4&max=500&wait_ms=0",
          "/api/v1/topics/t/records?partition=1&offset=0&max=500&wait_ms=0"
      )
  );
}

TEST(Tail, BeginsWhereItIsTold) {
  ScriptedHub hub;
  const auto offsets_from = [&](const char* from) {
    const Outcome outcome = run_tail(hub, {.topic = "t", .partition = 0, .from = *read_from(from)});
    EXPECT_EQ(outcome.code, 0);
    std::string offsets;
    std::istringstream lines(outcome.out);
    for (std::string line; std::getline(lines, line);) offsets += line.at(2);
    return offsets;
  };
  EXPECT_EQ(offsets_from("earliest"), "234");
  EXPECT_EQ(offsets_from("latest"), "");
  EXPECT_EQ(offsets_from("3"), "34");
  EXPECT_EQ(offsets_from("5"), "");
  EXPECT_EQ(offsets_from("-1"), "4");
  EXPECT_EQ(offsets_from("-100"), "234");
}

TEST(Tail, StopsAfterAsManyRecordsAsAskedForAlsoWhenFollowing) {
  for (const bool follow : {false, true}) {
    ScriptedHub hub;
    const Outcome outcome = run_tail(hub, {.topic = "t", .max = 3, .follow = follow});
    EXPECT_EQ(outcome.code, 0);
    EXPECT_EQ(std::count(outcome.out.begin(), outcome.out.end(), '\n'), 3);
  }
}

TEST(Tail, PrintsTheRecordsOfTheApiAsJsonLines) {
  ScriptedHub hub;
  const Outcome outcome = run_tail(hub, {.topic = "t", .partition = 1, .json = true});
  EXPECT_EQ(
      outcome.out,
      R"({"partition":1,"offset":0,"timestamp_ms":1000,"key":"k","value":"v0","headers":[]})"
      "\n"
  );
}

TEST(Tail, SaysWhichOffsetsTheLogNoLongerHas) {
  ScriptedHub hub;
  const Outcome outcome = run_tail(hub, {.topic = "t", .partition = 0, .from = *read_from("0")});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_EQ(outcome.err, "runnel: partition 0: the log no longer has offsets 0 to 1\n");
  EXPECT_EQ(std::count(outcome.out.begin(), outcome.out.end(), '\n'), 3);
}

TEST(Tail, GoesOnBehindWhatWasTrimmedWhileItRead) {
  ScriptedHub hub(4);
  const Outcome outcome = run_tail(hub, {.topic = "t", .partition = 0});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_EQ(outcome.err, "runnel: partition 0: the log no longer has offsets 2 to 3\n");
  EXPECT_EQ(outcome.out, "0\t4\t1970-01-01T00:00:01.000Z\tk\tv4\n");
}

TEST(Tail, RefusesWhatIsNotThere) {
  ScriptedHub hub;
  Outcome outcome = run_tail(hub, {.topic = "tt"});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_EQ(outcome.err, "runnel: the hub has no topic \"tt\"; did you mean t?\n");
  outcome = run_tail(hub, {.topic = "unlike"});
  EXPECT_EQ(outcome.err, "runnel: the hub has no topic \"unlike\"; it has t\n");
  outcome = run_tail(hub, {.topic = "t", .partition = 7});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("there is no partition 7"));
  outcome = run_tail(hub, {.topic = "t", .partition = 0, .from = *read_from("6")});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("has no offset 6 yet: the next is 5"));
}

TEST(Tail, FromIsEarliestLatestAnOffsetOrTheLastFew) {
  EXPECT_EQ(read_from("earliest")->kind, From::Kind::earliest);
  EXPECT_EQ(read_from("latest")->kind, From::Kind::latest);
  EXPECT_EQ(read_from("12")->number, 12);
  EXPECT_EQ(read_from("-12")->kind, From::Kind::last);
  EXPECT_EQ(read_from("-12")->number, 12);
  for (const char* bad : {"", "-", "--1", "1x", "newest", "99999999999999999999", "1.5"}) {
    EXPECT_FALSE(read_from(bad)) << bad;
  }
}

TEST(Status, TellsByItsExitCodeWhetherTheHubIsHealthy) {
  ScriptedHub hub;
  const Outcome outcome = outcome_of([&] { return status({.http = hub.peer()}); });
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.out, HasSubstr("runnel 9.9, NOT HEALTHY, up 1m 1s\n"));
  EXPECT_THAT(outcome.out, HasSubstr("connections  3\n"));
  EXPECT_THAT(outcome.out, HasSubstr("disk         1.0 MiB of 2.0 MiB (50 %)\n"));
  EXPECT_THAT(outcome.out, testing::Not(HasSubstr("sessions")));  // this hub does not say
}

TEST(Topics, AreATableOrTheJsonOfTheApi) {
  ScriptedHub hub;
  EXPECT_EQ(
      outcome_of([&] { return topics({.http = hub.peer()}); }).out,
      "TOPIC  PARTITION  FIRST  NEXT  RECORDS\n"
      "t              0      2     5        3\n"
      "t              1      0     1        1\n"
  );
  EXPECT_EQ(
      outcome_of([&] { return topics({.http = hub.peer(), .json = true}); }).out,
      R"({"topics":[{"name":"t","partitions":[)"
      R"({"partition":0,"log_start_offset":2,"high_watermark":5},)"
      R"({"partition":1,"log_start_offset":0,"high_watermark":1}]}]})"
      "\n"
  );
}

TEST(Commands, SayThatThereIsNoHub) {
  Peer nobody;
  {
    ScriptedHub gone;
    nobody = gone.peer();
  }
  const std::string complaint = "runnel: cannot reach the hub at " + peer_text(nobody) +
                                ": connection refused; is `runnel serve` running?\n";
  for (const auto& outcome : {
           outcome_of([&] { return status({.http = nobody}); }),
           outcome_of([&] { return topics({.http = nobody}); }),
           outcome_of([&] { return tail({.http = nobody, .topic = "t"}); }),
           outcome_of([&] { return publish({.mqtt = nobody, .topic = "t", .value = "v"}); }),
       }) {
    EXPECT_EQ(outcome.code, 1);
    EXPECT_EQ(outcome.out, "");
    EXPECT_EQ(outcome.err, complaint);
  }
}

std::string line_of(const char* record) {
  return record_line(boost::json::parse(record));
}

TEST(RecordLine, ShowsNullAndBinaryKeysAndValues) {
  EXPECT_EQ(
      line_of(R"({"partition":1,"offset":2,"timestamp_ms":1714564800250,"key":null,)"
              R"("value":{"base64":"AP9oaQ=="}})"),
      "1\t2\t2024-05-01T12:00:00.250Z\t-\t\\x00\\xffhi"
  );
  EXPECT_EQ(
      line_of(R"({"partition":1,"offset":2,"timestamp_ms":0,"key":"","value":"a\tb\nc"})"),
      "1\t2\t1970-01-01T00:00:00.000Z\t\ta\\tb\\nc"
  );
}

TEST(RecordLine, TimesBefore1970AndWithoutASecondAreRight) {
  EXPECT_EQ(time_text(-1), "1969-12-31T23:59:59.999Z");
  EXPECT_EQ(time_text(1714564800005), "2024-05-01T12:00:00.005Z");
}

}  // namespace
}  // namespace runnel::app
