#include <algorithm>
#include <map>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "hub/app/console.h"
#include "hub/app/kafka_commands.h"
#include "hub/app/kafka_range.h"
#include "hub/app/suggest.h"
#include "hub/app/text.h"
#include "hub/app/topic_table.h"
#include "hub/kafka_client/admin.h"

namespace runnel::app {

namespace json = boost::json;
using kafka_client::Admin;
using kafka_client::At;
using kafka_client::ConfigEntry;
using kafka_client::Failure;

namespace {

using Configs = std::map<std::string, std::string>;
using Topic = kafka_client::Topic;

std::string list_text(const std::vector<std::int32_t>& numbers) {
  std::string out;
  for (const std::int32_t number : numbers)
    out += (out.empty() ? "" : ",") + std::to_string(number);
  return out;
}

json::array list_json(const std::vector<std::int32_t>& numbers) {
  return json::array(numbers.begin(), numbers.end());
}

json::object configs_json(const std::vector<ConfigEntry>& configs) {
  json::object out;
  for (const ConfigEntry& entry : configs) {
    json::object& one = out[entry.name].emplace_object();
    one["value"] = entry.value ? json::value(*entry.value) : json::value(nullptr);
    one["default"] = entry.is_default;
    if (entry.read_only) one["read_only"] = true;
  }
  return out;
}

void print_configs(const std::vector<ConfigEntry>& configs) {
  std::vector<std::vector<std::string>> rows{{"CONFIG", "VALUE", ""}};
  for (const ConfigEntry& entry : configs) {
    const std::string remark = entry.read_only ? "read-only" : entry.is_default ? "" : "set";
    rows.push_back({printable(entry.name), entry.value ? printable(*entry.value) : "-", remark});
  }
  print_table(rows, "lll");
}

class TopicsRun {
 public:
  TopicsRun(const KafkaTopics& command, const kafka_client::Door& door)
      : command_(command), door_(door), admin_(door) {}

  int run() {
    using Action = KafkaTopics::Action;
    if (const auto why = read_pairs()) return misused(*why);
    if (const auto why = reach(admin_, door_)) return failed(*why);
    if (command_.action == Action::create) return create();
    auto topics = admin_.topics();
    if (!topics) return failed(cannot("list the topics", topics.error()));
    topics_ = std::move(*topics);
    for (const std::string& name : command_.names) {
      if (find_topic(topics_, name) == nullptr) return failed(no_such_topic(name, topics_));
    }
    switch (command_.action) {
      case Action::describe:
        return describe();
      case Action::remove:
        return remove();
      case Action::add_partitions:
        return add_partitions();
      case Action::configs:
        return configs();
      case Action::trim:
        return trim();
      default:
        return list();
    }
  }

 private:
  [[nodiscard]] const std::string& name() const { return command_.names.front(); }

  std::optional<std::string> read_pairs() {
    for (const std::string& text : command_.set) {
      const auto pair = read_pair(text);
      if (!pair) return in_quotes(text) + " must be NAME=VALUE";
      set_[pair->first] = pair->second;
    }
    return std::nullopt;
  }

  // The message, or the JSON that stands for it.
  [[nodiscard]] int done(const std::string& said, const json::object& as_json) const {
    print_line(command_.json ? json::serialize(as_json) : said);
    return flushed(kExitOk);
  }

  // Where the partitions of these topics begin and end.
  kafka_client::Answer<std::vector<TopicInfo>> infos(const std::vector<Topic>& topics) {
    std::map<std::pair<std::string, std::int32_t>, PartitionInfo> found;
    for (const std::int64_t time : {kafka_client::kEarliest, kafka_client::kLatest}) {
      std::vector<At> wanted;
      for (const Topic& topic : topics) {
        for (const auto& partition : topic.partitions)
          wanted.push_back({topic.name, partition.id, time});
      }
      const auto offsets = admin_.offsets_at(wanted);
      if (!offsets) return offsets.error();
      for (const At& at : *offsets) {
        PartitionInfo& info = found[{at.topic, at.partition}];
        (time == kafka_client::kEarliest ? info.log_start_offset : info.high_watermark) = at.offset;
      }
    }
    std::vector<TopicInfo> out;
    for (const Topic& topic : topics) {
      TopicInfo& info = out.emplace_back(TopicInfo{topic.name, {}});
      for (const auto& partition : topic.partitions) {
        PartitionInfo one = found[{topic.name, partition.id}];
        one.partition = static_cast<std::uint32_t>(partition.id);
        info.partitions.push_back(one);
      }
    }
    return out;
  }

  int list() {
    const auto all = infos(topics_);
    if (!all) return failed(cannot("ask for the topics' offsets", all.error()));
    print_topics(*all, command_.json);
    return flushed(kExitOk);
  }

  int describe() {
    const Topic& topic = *find_topic(topics_, name());
    const auto offsets = infos({topic});
    if (!offsets)
      return failed(cannot("ask for the offsets of " + in_quotes(name()), offsets.error()));
    const auto configs = admin_.configs(name());
    if (!configs && configs.error().kind != Failure::Kind::unsupported) {
      return failed(cannot("ask for the configs of " + in_quotes(name()), configs.error()));
    }
    if (command_.json) {
      describe_as_json(topic, offsets->front(), configs ? &*configs : nullptr);
    } else {
      describe_for_people(topic, offsets->front());
      if (configs) print("\n");
      if (configs) print_configs(*configs);
    }
    return flushed(kExitOk);
  }

  static void describe_as_json(
      const Topic& topic, const TopicInfo& info, const std::vector<ConfigEntry>* configs
  ) {
    json::array partitions;
    for (std::size_t i = 0; i < topic.partitions.size(); ++i) {
      const kafka_client::Partition& partition = topic.partitions[i];
      partitions.push_back(json::object{
          {"partition", partition.id},
          {"leader", partition.leader},
          {"replicas", list_json(partition.replicas)},
          {"in_sync", list_json(partition.in_sync)},
          {"log_start_offset", info.partitions[i].log_start_offset},
          {"high_watermark", info.partitions[i].high_watermark},
      });
    }
    json::object out{{"name", topic.name}, {"partitions", std::move(partitions)}};
    out["configs"] =
        configs == nullptr ? json::value(nullptr) : json::value(configs_json(*configs));
    print_line(json::serialize(out));
  }

  static void describe_for_people(const Topic& topic, const TopicInfo& info) {
    std::vector<std::vector<std::string>> rows{
        {"PARTITION", "FIRST", "NEXT", "RECORDS", "LEADER", "REPLICAS", "IN SYNC"}};
    for (std::size_t i = 0; i < topic.partitions.size(); ++i) {
      const kafka_client::Partition& partition = topic.partitions[i];
      const PartitionInfo& at = info.partitions[i];
      rows.push_back(
          {std::to_string(partition.id),
           std::to_string(at.log_start_offset),
           std::to_string(at.high_watermark),
           std::to_string(at.high_watermark - at.log_start_offset),
           std::to_string(partition.leader),
           list_text(partition.replicas),
           list_text(partition.in_sync)}
      );
    }
    print_table(rows, "rrrrrll");
  }

  int create() {
    const auto failure = admin_.create({name(), command_.partitions, command_.replication, set_});
    if (failure) return failed(cannot("create " + in_quotes(name()), *failure));
    return done("created " + printable(name()), {{"created", name()}});
  }

  int remove() {
    json::array gone;
    for (const std::string& one : command_.names) {
      if (const auto failure = admin_.delete_topic(one)) {
        return failed(cannot("delete " + in_quotes(one), *failure));
      }
      if (!command_.json) print_line("deleted " + printable(one));
      gone.emplace_back(one);
    }
    if (command_.json) print_line(json::serialize(json::object{{"deleted", std::move(gone)}}));
    return flushed(kExitOk);
  }

  int add_partitions() {
    const auto total = static_cast<std::size_t>(command_.partitions);
    if (const auto failure = admin_.add_partitions(name(), total)) {
      return failed(cannot("add partitions to " + in_quotes(name()), *failure));
    }
    return done(
        printable(name()) + " has " + std::to_string(total) + " partitions",
        {{"name", name()}, {"partitions", command_.partitions}}
    );
  }

  // AlterConfigs replaces all that is set, so what is to stay is said again.
  int configs() {
    auto found = admin_.configs(name());
    if (!found) return failed(cannot("ask for the configs of " + in_quotes(name()), found.error()));
    if (!set_.empty() || !command_.unset.empty()) {
      Configs wanted;
      for (const ConfigEntry& entry : *found) {
        if (!entry.is_default && !entry.read_only && entry.value) wanted[entry.name] = *entry.value;
      }
      for (const std::string& one : command_.unset) {
        if (wanted.erase(one) == 0) return failed(not_set(one, wanted));
      }
      for (const auto& [key, value] : set_) wanted[key] = value;
      if (const auto failure = admin_.replace_configs(name(), wanted)) {
        return failed(cannot("change the configs of " + in_quotes(name()), *failure));
      }
      found = admin_.configs(name());
      if (!found)
        return failed(cannot("ask for the configs of " + in_quotes(name()), found.error()));
    }
    if (command_.json) {
      print_line(json::serialize(json::object{{"name", name()}, {"configs", configs_json(*found)}})
      );
    } else {
      print_configs(*found);
    }
    return flushed(kExitOk);
  }

  [[nodiscard]] std::string not_set(const std::string& config, const Configs& wanted) const {
    std::vector<std::string_view> names;
    for (const auto& entry : wanted) names.push_back(entry.first);
    const std::string_view near = nearest(config, names);
    return in_quotes(config) + " is not set for " + in_quotes(name()) +
           (near.empty() ? std::string{} : "; did you mean " + std::string(near) + "?");
  }

  int trim() {
    const Topic& topic = *find_topic(topics_, name());
    const auto ranges =
        ranges_of(admin_, topic, {command_.partition, command_.before, std::nullopt, true});
    if (!ranges) return failed(ranges.error().text);
    std::vector<At> before;
    for (const Range& range : *ranges) before.push_back({name(), range.partition, range.next});
    const auto now = admin_.delete_records(before);
    if (!now) return failed(cannot("trim " + in_quotes(name()), now.error()));
    json::array partitions;
    for (const At& at : *now) {
      if (!command_.json) {
        print_line(
            printable(name()) + " partition " + std::to_string(at.partition) + " begins at " +
            std::to_string(at.offset)
        );
      }
      partitions.push_back(json::object{
          {"partition", at.partition}, {"log_start_offset", at.offset}});
    }
    if (command_.json) {
      print_line(json::serialize(json::object{
          {"name", name()}, {"partitions", std::move(partitions)}}));
    }
    return flushed(kExitOk);
  }

  const KafkaTopics& command_;
  const kafka_client::Door& door_;
  Admin admin_;
  Configs set_;
  std::vector<Topic> topics_;
};

}  // namespace

std::optional<std::pair<std::string, std::string>> read_pair(const std::string& text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0) return std::nullopt;
  return std::pair{text.substr(0, equals), text.substr(equals + 1)};
}

int kafka_topics(const KafkaTopics& command) {
  const auto door = door_of(command.door);
  if (!door) return misused(door.error().text);
  return TopicsRun(command, *door).run();
}

}  // namespace runnel::app
