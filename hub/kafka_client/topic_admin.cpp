#include <algorithm>

#include "hub/kafka_client/admin.h"
#include "hub/kafka_client/question.h"

namespace runnel::kafka_client {

namespace {

using OwnedNewTopic = Owned<rd_kafka_NewTopic_t, rd_kafka_NewTopic_destroy>;
using OwnedDeleteTopic = Owned<rd_kafka_DeleteTopic_t, rd_kafka_DeleteTopic_destroy>;
using OwnedNewPartitions = Owned<rd_kafka_NewPartitions_t, rd_kafka_NewPartitions_destroy>;
using OwnedResource = Owned<rd_kafka_ConfigResource_t, rd_kafka_ConfigResource_destroy>;
using OwnedDeleteRecords = Owned<rd_kafka_DeleteRecords_t, rd_kafka_DeleteRecords_destroy>;

// What was said of the one topic that was asked about.
template <class Result, class Topics>
std::optional<Failure> outcome(const Result* result, const Topics& topics_of) {
  std::size_t count = 0;
  const rd_kafka_topic_result_t** topics = topics_of(result, &count);
  if (count == 0) return Failure{Failure::Kind::refused, "the answer is empty"};
  const auto error = rd_kafka_topic_result_error(topics[0]);
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return std::nullopt;
  return failure_of(error, rd_kafka_topic_result_error_string(topics[0]));
}

std::optional<Failure> outcome(const rd_kafka_ConfigResource_t** resources, std::size_t count) {
  if (count == 0) return Failure{Failure::Kind::refused, "the answer is empty"};
  const auto error = rd_kafka_ConfigResource_error(resources[0]);
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return std::nullopt;
  return failure_of(error, rd_kafka_ConfigResource_error_string(resources[0]));
}

}  // namespace

// Where a partition ends is the end of its log, whatever is undecided in front of it.
Admin::Admin(const Door& door)
    : Client(Role::producer, door, {{"isolation.level", "read_uncommitted"}}) {}

std::optional<Failure> Admin::create(const NewTopic& topic) {
  return create_topic(library(), topic);
}

std::optional<Failure> create_topic(Library& library, const NewTopic& topic) {
  ErrorText why{};
  const OwnedNewTopic wanted(rd_kafka_NewTopic_new(
      topic.name.c_str(), topic.partitions, topic.replication, why.data(), why.size()
  ));
  if (!wanted) return Failure{Failure::Kind::refused, plain(why.data())};
  for (const auto& [name, value] : topic.configs) {
    rd_kafka_NewTopic_set_config(wanted.get(), name.c_str(), value.c_str());
  }
  const auto event =
      ask_cluster(library, RD_KAFKA_ADMIN_OP_CREATETOPICS, [&](const auto* options, auto* queue) {
        rd_kafka_NewTopic_t* one = wanted.get();
        rd_kafka_CreateTopics(library.handle(), &one, 1, options, queue);
      });
  if (!event) return event.error();
  return outcome(
      rd_kafka_event_CreateTopics_result(event->get()), rd_kafka_CreateTopics_result_topics
  );
}

std::optional<Failure> Admin::delete_topic(const std::string& name) {
  const OwnedDeleteTopic wanted(rd_kafka_DeleteTopic_new(name.c_str()));
  const auto event =
      ask_cluster(library(), RD_KAFKA_ADMIN_OP_DELETETOPICS, [&](const auto* options, auto* queue) {
        rd_kafka_DeleteTopic_t* one = wanted.get();
        rd_kafka_DeleteTopics(library().handle(), &one, 1, options, queue);
      });
  if (!event) return event.error();
  return outcome(
      rd_kafka_event_DeleteTopics_result(event->get()), rd_kafka_DeleteTopics_result_topics
  );
}

std::optional<Failure> Admin::add_partitions(const std::string& topic, std::size_t total) {
  ErrorText why{};
  const OwnedNewPartitions wanted(
      rd_kafka_NewPartitions_new(topic.c_str(), total, why.data(), why.size())
  );
  if (!wanted) return Failure{Failure::Kind::refused, plain(why.data())};
  const auto event = ask_cluster(
      library(),
      RD_KAFKA_ADMIN_OP_CREATEPARTITIONS,
      [&](const auto* options, auto* queue) {
        rd_kafka_NewPartitions_t* one = wanted.get();
        rd_kafka_CreatePartitions(library().handle(), &one, 1, options, queue);
      }
  );
  if (!event) return event.error();
  return outcome(
      rd_kafka_event_CreatePartitions_result(event->get()), rd_kafka_CreatePartitions_result_topics
  );
}

Answer<std::vector<ConfigEntry>> Admin::configs(const std::string& topic) {
  const OwnedResource wanted(rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic.c_str()));
  const auto event = ask_cluster(
      library(),
      RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS,
      [&](const auto* options, auto* queue) {
        rd_kafka_ConfigResource_t* one = wanted.get();
        rd_kafka_DescribeConfigs(library().handle(), &one, 1, options, queue);
      }
  );
  if (!event) return event.error();
  std::size_t count = 0;
  const rd_kafka_ConfigResource_t** resources = rd_kafka_DescribeConfigs_result_resources(
      rd_kafka_event_DescribeConfigs_result(event->get()), &count
  );
  if (auto failure = outcome(resources, count)) return *failure;
  const rd_kafka_ConfigEntry_t** entries = rd_kafka_ConfigResource_configs(resources[0], &count);
  std::vector<ConfigEntry> out;
  for (std::size_t i = 0; i < count; ++i) {
    const char* value = rd_kafka_ConfigEntry_value(entries[i]);
    ConfigEntry entry;
    entry.name = rd_kafka_ConfigEntry_name(entries[i]);
    if (value != nullptr) entry.value = value;
    entry.is_default =
        rd_kafka_ConfigEntry_source(entries[i]) != RD_KAFKA_CONFIG_SOURCE_DYNAMIC_TOPIC_CONFIG;
    entry.read_only = rd_kafka_ConfigEntry_is_read_only(entries[i]) == 1;
    out.push_back(std::move(entry));
  }
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return out;
}

std::optional<Failure> Admin::replace_configs(
    const std::string& topic, const std::map<std::string, std::string>& configs
) {
  const OwnedResource wanted(rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic.c_str()));
  for (const auto& [name, value] : configs) {
    rd_kafka_ConfigResource_set_config(wanted.get(), name.c_str(), value.c_str());
  }
  const auto event =
      ask_cluster(library(), RD_KAFKA_ADMIN_OP_ALTERCONFIGS, [&](const auto* options, auto* queue) {
        rd_kafka_ConfigResource_t* one = wanted.get();
        rd_kafka_AlterConfigs(library().handle(), &one, 1, options, queue);
      });
  if (!event) return event.error();
  std::size_t count = 0;
  const rd_kafka_ConfigResource_t** resources = rd_kafka_AlterConfigs_result_resources(
      rd_kafka_event_AlterConfigs_result(event->get()), &count
  );
  return outcome(resources, count);
}

Answer<std::vector<At>> Admin::delete_records(const std::vector<At>& before) {
  const OwnedDeleteRecords wanted(rd_kafka_DeleteRecords_new(places_of(before).get()));
  const auto event = ask_cluster(
      library(),
      RD_KAFKA_ADMIN_OP_DELETERECORDS,
      [&](const auto* options, auto* queue) {
        rd_kafka_DeleteRecords_t* one = wanted.get();
        rd_kafka_DeleteRecords(library().handle(), &one, 1, options, queue);
      }
  );
  if (!event) return event.error();
  const rd_kafka_topic_partition_list_t* places =
      rd_kafka_DeleteRecords_result_offsets(rd_kafka_event_DeleteRecords_result(event->get()));
  for (int i = 0; i < places->cnt; ++i) {
    if (places->elems[i].err != RD_KAFKA_RESP_ERR_NO_ERROR) return failure_of(places->elems[i].err);
  }
  return places_of(*places);
}

}  // namespace runnel::kafka_client
