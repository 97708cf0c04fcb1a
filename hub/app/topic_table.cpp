#include "hub/app/topic_table.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "hub/app/console.h"
#include "hub/app/text.h"

namespace runnel::app {

namespace json = boost::json;

void print_topics(const std::vector<TopicInfo>& topics, bool as_json) {
  if (as_json) {
    json::array list;
    for (const TopicInfo& topic : topics) list.push_back(json_of(topic));
    print_line(json::serialize(json::object{{"topics", std::move(list)}}));
    return;
  }
  std::vector<std::vector<std::string>> rows{{"TOPIC", "PARTITION", "FIRST", "NEXT", "RECORDS"}};
  for (const TopicInfo& topic : topics) {
    for (const PartitionInfo& partition : topic.partitions) {
      const std::int64_t records = partition.high_watermark - partition.log_start_offset;
      rows.push_back(
          {printable(topic.name),
           std::to_string(partition.partition),
           std::to_string(partition.log_start_offset),
           std::to_string(partition.high_watermark),
           std::to_string(records)}
      );
    }
  }
  print_table(rows, "lrrrr");
}

}  // namespace runnel::app
