// librdkafka as a library that is loaded when the first client is made, and not before: linked, it
// and what it needs (OpenSSL above all) would cost an idle hub, which never calls it, 0.7 MB of
// memory.
//
// Every function that this folder calls stands here under its own name, as an object that finds the
// function when it is first called. To call another one, add a line.
//
// Threads: load_library() before anything else; then any.
#pragma once

#include <librdkafka/rdkafka.h>

#include <atomic>
#include <string>

namespace runnel::kafka_client {

// Why the library cannot be loaded, or nothing.
std::string load_library();

// The address of a function of the library that has been loaded. Ends the program if it has none of
// that name: its version is then older than the one that we were built with.
void* address_of(const char* name);

template <class Function>
class Lazy;

template <class Result, class... Arguments>
class Lazy<Result (*)(Arguments...)> {
 public:
  constexpr explicit Lazy(const char* name) : name_(name) {}

  Result operator()(Arguments... arguments) const {
    auto* function = function_.load(std::memory_order_relaxed);
    if (function == nullptr) {
      function = reinterpret_cast<Result (*)(Arguments...)>(address_of(name_));
      function_.store(function, std::memory_order_relaxed);
    }
    return function(arguments...);
  }

 private:
  const char* name_;
  mutable std::atomic<Result (*)(Arguments...)> function_ = nullptr;
};

#define RUNNEL_LAZY(name) inline constinit Lazy<decltype(&::name)> name(#name)

RUNNEL_LAZY(rd_kafka_AdminOptions_destroy);
RUNNEL_LAZY(rd_kafka_AdminOptions_new);
RUNNEL_LAZY(rd_kafka_AdminOptions_set_request_timeout);
RUNNEL_LAZY(rd_kafka_AdminOptions_set_require_stable_offsets);
RUNNEL_LAZY(rd_kafka_AlterConfigs);
RUNNEL_LAZY(rd_kafka_AlterConfigs_result_resources);
RUNNEL_LAZY(rd_kafka_AlterConsumerGroupOffsets);
RUNNEL_LAZY(rd_kafka_AlterConsumerGroupOffsets_destroy);
RUNNEL_LAZY(rd_kafka_AlterConsumerGroupOffsets_new);
RUNNEL_LAZY(rd_kafka_AlterConsumerGroupOffsets_result_groups);
RUNNEL_LAZY(rd_kafka_ConfigEntry_is_read_only);
RUNNEL_LAZY(rd_kafka_ConfigEntry_name);
RUNNEL_LAZY(rd_kafka_ConfigEntry_source);
RUNNEL_LAZY(rd_kafka_ConfigEntry_value);
RUNNEL_LAZY(rd_kafka_ConfigResource_configs);
RUNNEL_LAZY(rd_kafka_ConfigResource_destroy);
RUNNEL_LAZY(rd_kafka_ConfigResource_error);
RUNNEL_LAZY(rd_kafka_ConfigResource_error_string);
RUNNEL_LAZY(rd_kafka_ConfigResource_new);
RUNNEL_LAZY(rd_kafka_ConfigResource_set_config);
RUNNEL_LAZY(rd_kafka_ConsumerGroupDescription_coordinator);
RUNNEL_LAZY(rd_kafka_ConsumerGroupDescription_error);
RUNNEL_LAZY(rd_kafka_ConsumerGroupDescription_member);
RUNNEL_LAZY(rd_kafka_ConsumerGroupDescription_member_count);
RUNNEL_LAZY(rd_kafka_ConsumerGroupDescription_partition_assignor);
RUNNEL_LAZY(rd_kafka_ConsumerGroupDescription_state);
RUNNEL_LAZY(rd_kafka_ConsumerGroupListing_group_id);
RUNNEL_LAZY(rd_kafka_ConsumerGroupListing_state);
RUNNEL_LAZY(rd_kafka_CreatePartitions);
RUNNEL_LAZY(rd_kafka_CreatePartitions_result_topics);
RUNNEL_LAZY(rd_kafka_CreateTopics);
RUNNEL_LAZY(rd_kafka_CreateTopics_result_topics);
RUNNEL_LAZY(rd_kafka_DeleteGroup_destroy);
RUNNEL_LAZY(rd_kafka_DeleteGroup_new);
RUNNEL_LAZY(rd_kafka_DeleteGroups);
RUNNEL_LAZY(rd_kafka_DeleteGroups_result_groups);
RUNNEL_LAZY(rd_kafka_DeleteRecords);
RUNNEL_LAZY(rd_kafka_DeleteRecords_destroy);
RUNNEL_LAZY(rd_kafka_DeleteRecords_new);
RUNNEL_LAZY(rd_kafka_DeleteRecords_result_offsets);
RUNNEL_LAZY(rd_kafka_DeleteTopic_destroy);
RUNNEL_LAZY(rd_kafka_DeleteTopic_new);
RUNNEL_LAZY(rd_kafka_DeleteTopics);
RUNNEL_LAZY(rd_kafka_DeleteTopics_result_topics);
RUNNEL_LAZY(rd_kafka_DescribeConfigs);
RUNNEL_LAZY(rd_kafka_DescribeConfigs_result_resources);
RUNNEL_LAZY(rd_kafka_DescribeConsumerGroups);
RUNNEL_LAZY(rd_kafka_DescribeConsumerGroups_result_groups);
RUNNEL_LAZY(rd_kafka_ListConsumerGroupOffsets);
RUNNEL_LAZY(rd_kafka_ListConsumerGroupOffsets_destroy);
RUNNEL_LAZY(rd_kafka_ListConsumerGroupOffsets_new);
RUNNEL_LAZY(rd_kafka_ListConsumerGroupOffsets_result_groups);
RUNNEL_LAZY(rd_kafka_ListConsumerGroups);
RUNNEL_LAZY(rd_kafka_ListConsumerGroups_result_errors);
RUNNEL_LAZY(rd_kafka_ListConsumerGroups_result_valid);
RUNNEL_LAZY(rd_kafka_MemberAssignment_partitions);
RUNNEL_LAZY(rd_kafka_MemberDescription_assignment);
RUNNEL_LAZY(rd_kafka_MemberDescription_client_id);
RUNNEL_LAZY(rd_kafka_MemberDescription_consumer_id);
RUNNEL_LAZY(rd_kafka_MemberDescription_group_instance_id);
RUNNEL_LAZY(rd_kafka_MemberDescription_host);
RUNNEL_LAZY(rd_kafka_NewPartitions_destroy);
RUNNEL_LAZY(rd_kafka_NewPartitions_new);
RUNNEL_LAZY(rd_kafka_NewTopic_destroy);
RUNNEL_LAZY(rd_kafka_NewTopic_new);
RUNNEL_LAZY(rd_kafka_NewTopic_set_config);
RUNNEL_LAZY(rd_kafka_Node_host);
RUNNEL_LAZY(rd_kafka_Node_port);
RUNNEL_LAZY(rd_kafka_assign);
RUNNEL_LAZY(rd_kafka_assignment);
RUNNEL_LAZY(rd_kafka_begin_transaction);
RUNNEL_LAZY(rd_kafka_clusterid);
RUNNEL_LAZY(rd_kafka_commit_transaction);
RUNNEL_LAZY(rd_kafka_conf_destroy);
RUNNEL_LAZY(rd_kafka_conf_new);
RUNNEL_LAZY(rd_kafka_conf_set);
RUNNEL_LAZY(rd_kafka_conf_set_closesocket_cb);
RUNNEL_LAZY(rd_kafka_conf_set_connect_cb);
RUNNEL_LAZY(rd_kafka_conf_set_dr_msg_cb);
RUNNEL_LAZY(rd_kafka_conf_set_error_cb);
RUNNEL_LAZY(rd_kafka_conf_set_log_cb);
RUNNEL_LAZY(rd_kafka_conf_set_opaque);
RUNNEL_LAZY(rd_kafka_conf_set_socket_cb);
RUNNEL_LAZY(rd_kafka_consumer_close);
RUNNEL_LAZY(rd_kafka_consumer_group_metadata_destroy);
RUNNEL_LAZY(rd_kafka_consumer_group_metadata_new);
RUNNEL_LAZY(rd_kafka_consumer_group_state_name);
RUNNEL_LAZY(rd_kafka_consumer_poll);
RUNNEL_LAZY(rd_kafka_destroy);
RUNNEL_LAZY(rd_kafka_err2str);
RUNNEL_LAZY(rd_kafka_error_code);
RUNNEL_LAZY(rd_kafka_error_destroy);
RUNNEL_LAZY(rd_kafka_error_is_retriable);
RUNNEL_LAZY(rd_kafka_error_string);
RUNNEL_LAZY(rd_kafka_event_AlterConfigs_result);
RUNNEL_LAZY(rd_kafka_event_AlterConsumerGroupOffsets_result);
RUNNEL_LAZY(rd_kafka_event_CreatePartitions_result);
RUNNEL_LAZY(rd_kafka_event_CreateTopics_result);
RUNNEL_LAZY(rd_kafka_event_DeleteGroups_result);
RUNNEL_LAZY(rd_kafka_event_DeleteRecords_result);
RUNNEL_LAZY(rd_kafka_event_DeleteTopics_result);
RUNNEL_LAZY(rd_kafka_event_DescribeConfigs_result);
RUNNEL_LAZY(rd_kafka_event_DescribeConsumerGroups_result);
RUNNEL_LAZY(rd_kafka_event_ListConsumerGroupOffsets_result);
RUNNEL_LAZY(rd_kafka_event_ListConsumerGroups_result);
RUNNEL_LAZY(rd_kafka_event_destroy);
RUNNEL_LAZY(rd_kafka_event_error);
RUNNEL_LAZY(rd_kafka_event_error_string);
RUNNEL_LAZY(rd_kafka_fatal_error);
RUNNEL_LAZY(rd_kafka_flush);
RUNNEL_LAZY(rd_kafka_get_watermark_offsets);
RUNNEL_LAZY(rd_kafka_group_result_error);
RUNNEL_LAZY(rd_kafka_group_result_partitions);
RUNNEL_LAZY(rd_kafka_header_add);
RUNNEL_LAZY(rd_kafka_header_get_all);
RUNNEL_LAZY(rd_kafka_headers_destroy);
RUNNEL_LAZY(rd_kafka_headers_new);
RUNNEL_LAZY(rd_kafka_init_transactions);
RUNNEL_LAZY(rd_kafka_mem_free);
RUNNEL_LAZY(rd_kafka_message_destroy);
RUNNEL_LAZY(rd_kafka_message_errstr);
RUNNEL_LAZY(rd_kafka_message_headers);
RUNNEL_LAZY(rd_kafka_message_timestamp);
RUNNEL_LAZY(rd_kafka_metadata);
RUNNEL_LAZY(rd_kafka_metadata_destroy);
RUNNEL_LAZY(rd_kafka_new);
RUNNEL_LAZY(rd_kafka_offsets_for_times);
RUNNEL_LAZY(rd_kafka_offsets_store);
RUNNEL_LAZY(rd_kafka_poll);
RUNNEL_LAZY(rd_kafka_poll_set_consumer);
RUNNEL_LAZY(rd_kafka_produceva);
RUNNEL_LAZY(rd_kafka_queue_destroy);
RUNNEL_LAZY(rd_kafka_queue_new);
RUNNEL_LAZY(rd_kafka_queue_poll);
RUNNEL_LAZY(rd_kafka_send_offsets_to_transaction);
RUNNEL_LAZY(rd_kafka_subscribe);
RUNNEL_LAZY(rd_kafka_topic_name);
RUNNEL_LAZY(rd_kafka_topic_partition_list_add);
RUNNEL_LAZY(rd_kafka_topic_partition_list_destroy);
RUNNEL_LAZY(rd_kafka_topic_partition_list_new);
RUNNEL_LAZY(rd_kafka_topic_result_error);
RUNNEL_LAZY(rd_kafka_topic_result_error_string);

#undef RUNNEL_LAZY

}  // namespace runnel::kafka_client
