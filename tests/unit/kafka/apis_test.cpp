// What the hub says that it serves.
#include "hub/kafka/apis.h"

#include <array>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hub/kafka/exchanges.h"
#include "tests/unit/kafka/wire_bytes.h"

namespace runnel::kafka {
namespace {

struct Row {
  int key;
  int min;
  int max;
  int flexible;  // -1: never
};

// Each end is one that some client needs.
constexpr std::array kTable{
    Row{0, 0, 11, 9}, Row{1, 4, 13, 12}, Row{2, 1, 8, 6},  Row{3, 0, 12, 9},  Row{8, 1, 9, 8},
    Row{9, 1, 9, 6},  Row{10, 0, 6, 3},  Row{11, 0, 9, 6}, Row{12, 0, 4, 4},  Row{13, 0, 5, 4},
    Row{14, 0, 5, 4}, Row{15, 0, 5, 5},  Row{16, 0, 5, 3}, Row{17, 0, 1, -1}, Row{18, 0, 4, 3},
    Row{19, 0, 7, 5}, Row{20, 0, 6, 4},  Row{21, 0, 2, 2}, Row{22, 0, 5, 2},  Row{23, 2, 4, 4},
    Row{24, 0, 3, 3}, Row{25, 0, 3, 3},  Row{26, 0, 3, 3}, Row{28, 0, 3, 3},  Row{32, 0, 4, 4},
    Row{33, 0, 2, 2}, Row{35, 0, 4, 2},  Row{36, 0, 2, 2}, Row{37, 0, 3, 2},  Row{42, 0, 2, 2},
    Row{44, 0, 1, 1}, Row{47, 0, 0, -1}, Row{50, 0, 0, 0}, Row{51, 0, 0, 0},  Row{60, 0, 1, 0},
    Row{61, 0, 0, 0}, Row{65, 0, 0, 0},  Row{66, 0, 1, 0},
};

TEST(KafkaApis, AreThoseThatClientsNeed) {
  const auto apis = served_apis();
  ASSERT_EQ(apis.size(), kTable.size());
  for (std::size_t i = 0; i < kTable.size(); ++i) {
    const Row& row = kTable[i];
    EXPECT_EQ(
        apis[i],
        (Api{
            .key = static_cast<ApiKey>(row.key),
            .min = static_cast<Version>(row.min),
            .max = static_cast<Version>(row.max),
            .flexible = row.flexible < 0 ? kLatest : static_cast<Version>(row.flexible),
            .served_from = static_cast<Version>(row.key == 0 ? 3 : 0),
        })
    );
  }
}

TEST(KafkaApis, AreFoundByKey) {
  for (const Api& api : served_apis()) {
    EXPECT_EQ(find_api(static_cast<std::int16_t>(api.key)), &api);
  }
  for (const int key : {-32'768, -1, 4, 7, 27, 29, 67, 68, 32'767}) {
    EXPECT_EQ(find_api(static_cast<std::int16_t>(key)), nullptr) << key;
  }
}

TEST(KafkaApis, AreServedBetweenTheirEnds) {
  EXPECT_FALSE(is_served(1, 3));
  EXPECT_TRUE(is_served(1, 4));
  EXPECT_TRUE(is_served(1, 13));
  EXPECT_FALSE(is_served(1, 14));
  EXPECT_TRUE(is_served(18, 0));
  EXPECT_FALSE(is_served(18, -1));
  EXPECT_FALSE(is_served(18, 5));
  EXPECT_FALSE(is_served(4, 0));
}

TEST(KafkaApis, FormatsBeforeTheRecordBatchAreAdvertisedAndNotServed) {
  EXPECT_EQ(find_api(0)->min, 0);
  for (const Version version : {Version{0}, Version{1}, Version{2}}) {
    EXPECT_FALSE(is_served(0, version));
  }
  EXPECT_TRUE(is_served(0, 3));
  EXPECT_TRUE(is_served(0, 11));
}

TEST(KafkaApis, LeadToTheirMessagesByKey) {
  for (const Api& api : served_apis()) {
    Api met;
    EXPECT_TRUE(with_exchange(static_cast<std::int16_t>(api.key), [&]<class Exchange>() {
      met = Exchange::Request::kApi;
    }));
    EXPECT_EQ(met, api);
  }
  EXPECT_FALSE(with_exchange(4, []<class Exchange>() { FAIL(); }));
}

}  // namespace
}  // namespace runnel::kafka
