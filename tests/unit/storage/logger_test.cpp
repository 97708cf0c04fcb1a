#include "storage/base/logger.h"

#include <gmock/gmock.h>

namespace runnel {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;

TEST(Logger, ANameWithALineBreakBeginsNoLine) {
  ::testing::internal::CaptureStderr();
  logger::warn("kafka", "transaction of a\n2026 info log: all is well\x7f\\ aborted");
  const std::string seen = ::testing::internal::GetCapturedStderr();
  EXPECT_THAT(seen, HasSubstr("kafka: transaction of a\\x0a2026 info log"));
  EXPECT_THAT(seen, EndsWith("all is well\\x7f\\ aborted\n"));
}

}  // namespace
}  // namespace runnel
