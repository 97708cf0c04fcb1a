#include "hub/app/record_json.h"

#include <array>
#include <string>

#include <gmock/gmock.h>

#include "hub/app/base64.h"

namespace runnel::app {
namespace {

using kafka_client::Record;
using testing::HasSubstr;

std::string every_byte() {
  std::string out;
  for (int i = 0; i < 256; ++i) out.push_back(static_cast<char>(i));
  return out;
}

TEST(Base64, IsThatOfTheRfcAndComesBack) {
  // RFC 4648 §10.
  constexpr std::array<std::pair<const char*, const char*>, 7> kVectors{
      {{"", ""},
       {"f", "Zg=="},
       {"fo", "Zm8="},
       {"foo", "Zm9v"},
       {"foob", "Zm9vYg=="},
       {"fooba", "Zm9vYmE="},
       {"foobar", "Zm9vYmFy"}}};
  for (const auto& [bytes, text] : kVectors) {
    EXPECT_EQ(to_base64(bytes), text);
    EXPECT_EQ(from_base64(text), bytes);
  }
  EXPECT_EQ(from_base64(to_base64(every_byte())), every_byte());
  for (const char* bad : {"Zg", "Zg=", "Z===", "Zh==", "Zm9=", "Zm 8", "=m8=", "Zm8=Zm8="}) {
    EXPECT_FALSE(from_base64(bad)) << bad;
  }
}

TEST(JsonLine, SaysAllThatThereIsInOneOrder) {
  Record record;
  record.topic = "t";
  record.partition = 3;
  record.offset = 70;
  record.time_ms = 1'714'564'800'250;
  record.key = "k\"\n";
  record.value = std::string("\xff\x00", 2);
  record.headers = {{"z", "1"}, {"a", ""}, {"z", std::nullopt}, {"b", "\xfe"}};
  EXPECT_EQ(
      json_line(record),
      R"({"topic":"t","partition":3,"offset":70,"timestamp_ms":1714564800250,)"
      R"("timestamp_type":"create","key":"k\"\n","value":{"base64":"/wA="},)"
      R"("headers":[["z","1"],["a",""],["z",null],["b",{"base64":"/g=="}]]})"
  );
  record.time_kind = Record::TimeKind::append;
  EXPECT_THAT(json_line(record), HasSubstr(R"("timestamp_type":"append")"));
  record.time_kind = Record::TimeKind::none;
  EXPECT_THAT(json_line(record), HasSubstr(R"("timestamp_ms":null,"timestamp_type":"none")"));
}

TEST(JsonLine, ComesBackAsTheRecordThatItWas) {
  std::vector<Record> records(4);
  records[0].value = every_byte();
  records[0].key = every_byte();
  records[0].headers = {{every_byte(), every_byte()}, {"n", std::nullopt}, {"n", ""}, {"", "x"}};
  records[1].key = "";
  records[1].value = "";
  records[2].value = "{\"base64\":\"Zg==\"}";  // text that looks like it
  records[3].value = "schlüssel €\t\x01";
  for (Record& record : records) {
    record.topic = "t";
    record.partition = 7;
    record.time_ms = 5;
    const auto wanted = read_json_line(json_line(record));
    ASSERT_TRUE(wanted) << wanted.error().text;
    EXPECT_EQ(wanted->partition, 7);
    EXPECT_EQ(wanted->time_ms, 5);
    EXPECT_EQ(wanted->record.key, record.key);
    EXPECT_EQ(wanted->record.value, record.value);
    EXPECT_EQ(wanted->record.headers, record.headers);
  }
}

TEST(ReadJsonLine, NeedsNoMoreThanAValue) {
  const auto wanted = read_json_line(R"({"value":null})");
  ASSERT_TRUE(wanted);
  EXPECT_EQ(wanted->record, Record{});
  EXPECT_FALSE(wanted->partition);
  EXPECT_FALSE(wanted->time_ms);
  EXPECT_FALSE(read_json_line(R"({"value":"x","timestamp_ms":null})")->time_ms);
}

TEST(ReadJsonLine, TakesHeadersAsAnObjectToo) {
  const auto wanted = read_json_line(R"({"value":"x","headers":{"b":"1","a":null}})");
  ASSERT_TRUE(wanted);
  EXPECT_EQ(wanted->record.headers, (std::vector<kafka_client::Header>{{"b", "1"}, {"a", {}}}));
}

TEST(ReadJsonLine, SaysWhatIsWrong) {
  constexpr std::array<std::pair<const char*, const char*>, 15> kWrong{
      {{"", "not JSON"},
       {"{\"value\":\"x\"", "not JSON"},
       {"{\"value\":\"\xff\"}", "not JSON"},
       {"[]", "no JSON object"},
       {R"({"key":"k"})", "no \"value\""},
       {R"({"value":7})", "value must be a string"},
       {R"({"value":{"base64":"Zg"}})", "value must be a string"},
       {R"({"value":{"base64":"","x":1}})", "value must be a string"},
       {R"({"value":"x","key":[]})", "key must be a string"},
       {R"({"value":"x","kye":"k"})", "did you mean key?"},
       {R"({"value":"x","headers":"h"})", "list of [name, value]"},
       {R"({"value":"x","headers":[["a","b"],["c"]]})", "header 2"},
       {R"({"value":"x","headers":[[null,"b"]]})", "header 1"},
       {R"({"value":"x","partition":-1})", "partition must be a number"},
       {R"({"value":"x","timestamp_ms":"now"})", "timestamp_ms must be a number"}}};
  for (const auto& [line, hint] : kWrong) {
    const auto wanted = read_json_line(line);
    ASSERT_FALSE(wanted) << line;
    EXPECT_THAT(wanted.error().text, HasSubstr(hint)) << line;
  }
}

}  // namespace
}  // namespace runnel::app
