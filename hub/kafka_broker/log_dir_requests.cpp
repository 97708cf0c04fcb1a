// What partitions take on the disk.
#include <map>
#include <memory>
#include <set>

#include "hub/kafka_broker/broker.h"
#include "hub/kafka_broker/handlers.h"

namespace runnel::kafka {
namespace {

// Which partitions of which topics; of a topic that is not among them, none.
using Asked = std::map<std::string, std::set<std::int32_t>, std::less<>>;

DescribeLogDirsResponse describe(
    const core::Topics& topics, const std::optional<Asked>& asked, const log::Log::DiskUse& use
) {
  DescribeLogDirsResponse response;
  auto& dir = response.results.emplace_back();
  dir.log_dir = use.dir;
  dir.total_bytes = static_cast<std::int64_t>(use.limit_bytes);
  dir.usable_bytes = static_cast<std::int64_t>(use.limit_bytes - std::min(use.bytes, use.limit_bytes));
  for (const auto& [name, partitions] : topics.all()) {
    const auto wanted = asked ? asked->find(name) : Asked::const_iterator();
    if (asked && wanted == asked->end()) continue;
    ByTopic<DescribeLogDirsResponse::Partition> out{name, {}};
    for (std::size_t i = 0; i < partitions.size(); ++i) {
      const auto index = static_cast<std::int32_t>(i);
      if (asked && !wanted->second.contains(index)) continue;
      const auto size = use.partitions.find(partitions[i]);
      const std::uint64_t bytes = size == use.partitions.end() ? 0 : size->second;
      out.partitions.push_back({index, static_cast<std::int64_t>(bytes), 0, false});
    }
    dir.topics.push_back(std::move(out));
  }
  return response;
}

}  // namespace

void handle(const Context& c, const DescribeLogDirsRequest& request) {
  std::optional<Asked> asked;
  if (request.topics) {
    asked.emplace();
    for (const auto& topic : *request.topics) {
      (*asked)[std::string(topic.name)].insert(topic.partitions.begin(), topic.partitions.end());
    }
  }
  c.broker.reader().disk_use(
      [&broker = c.broker, call = c.call, asked = std::move(asked)](
          const Result<log::Log::DiskUse>& use, core::Turn&
      ) {
        if (use) return broker.answer(call, describe(broker.topics(), asked, *use));
        DescribeLogDirsResponse failed;
        failed.error_code = ErrorCode::kafka_storage_error;
        broker.answer(call, failed);
      }
  );
}

}  // namespace runnel::kafka
