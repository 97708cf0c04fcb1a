#include "hub/app/record_format.h"

#include <gmock/gmock.h>

#include "hub/app/record_text.h"

namespace runnel::app {
namespace {

using kafka_client::Record;
using testing::HasSubstr;

Record a_record() {
  Record record;
  record.topic = "temps";
  record.partition = 1;
  record.offset = 42;
  record.time_ms = 1'714'564'800'250;
  record.key = "k";
  record.value = std::string("a\0b", 3);
  record.headers = {{"unit", "C"}, {"none", std::nullopt}, {"unit", ""}};
  return record;
}

std::string printed(const char* format, const Record& record = a_record()) {
  const auto read = RecordFormat::read(format);
  return read ? read->print(record) : "wrong: " + read.error().text;
}

TEST(RecordFormat, HasKcatsLetters) {
  EXPECT_EQ(printed("%t/%p@%o %T %d"), "temps/1@42 1714564800250 2024-05-01T12:00:00.250Z");
  EXPECT_EQ(printed("%k=%s"), std::string("k=a\0b", 5));
  EXPECT_EQ(printed("%K %S"), "1 3");
  EXPECT_EQ(printed("%h"), "unit=C,none,unit=");
  EXPECT_EQ(printed("100 %%\\n\\t\\x41\\\\"), "100 %\n\tA\\");
  EXPECT_EQ(printed("\\0"), std::string(1, '\0'));
  EXPECT_EQ(printed(""), "");
}

TEST(RecordFormat, PrintsNothingForANullButItsLength) {
  Record record = a_record();
  record.key.reset();
  record.value.reset();
  EXPECT_EQ(printed("[%k][%s] %K %S", record), "[][] -1 -1");
}

TEST(RecordFormat, RefusesWhatItDoesNotKnow) {
  EXPECT_THAT(printed("%y"), HasSubstr("there is no %y"));
  EXPECT_THAT(printed("50 %"), HasSubstr("there is no %;"));
  EXPECT_THAT(printed("\\q"), HasSubstr("no such escape"));
  EXPECT_THAT(printed("\\x4"), HasSubstr("no such escape"));
  EXPECT_THAT(printed("\\xzz"), HasSubstr("no such escape"));
}

TEST(RecordLineOfKafka, IsThatOfTheHttpApiWithHeadersOnDemand) {
  EXPECT_EQ(record_line(a_record(), false), "1\t42\t2024-05-01T12:00:00.250Z\tk\ta\\x00b");
  EXPECT_EQ(
      record_line(a_record(), true),
      "1\t42\t2024-05-01T12:00:00.250Z\tk\tunit=C,none,unit=\ta\\x00b"
  );
}

TEST(RecordLineOfKafka, ShowsWhatIsNotThereAndWhatWouldSteerATerminal) {
  Record record;
  record.time_kind = Record::TimeKind::none;
  EXPECT_EQ(record_line(record, true), "0\t0\t-\t-\t-\t-");
  record.key = "\x1b[2J";
  record.value = "\xff\n";
  record.headers = {{"h\t", "\r"}};
  EXPECT_EQ(record_line(record, true), "0\t0\t-\t\\x1b[2J\th\\t=\\r\t\\xff\\n");
}

}  // namespace
}  // namespace runnel::app
