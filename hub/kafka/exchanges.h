// Every request that the hub serves, with its response: the one list of them. What is advertised,
// what is dispatched and what is tested derive from it. It includes all messages: for those who
// treat all alike, not for those who handle one.
#pragma once

#include <cstdint>

#include "hub/kafka/api.h"
#include "hub/kafka/messages/add_offsets_to_txn.h"
#include "hub/kafka/messages/add_partitions_to_txn.h"
#include "hub/kafka/messages/alter_configs.h"
#include "hub/kafka/messages/alter_user_scram_credentials.h"
#include "hub/kafka/messages/api_versions.h"
#include "hub/kafka/messages/create_partitions.h"
#include "hub/kafka/messages/create_topics.h"
#include "hub/kafka/messages/delete_groups.h"
#include "hub/kafka/messages/delete_records.h"
#include "hub/kafka/messages/delete_topics.h"
#include "hub/kafka/messages/describe_cluster.h"
#include "hub/kafka/messages/describe_configs.h"
#include "hub/kafka/messages/describe_groups.h"
#include "hub/kafka/messages/describe_log_dirs.h"
#include "hub/kafka/messages/describe_producers.h"
#include "hub/kafka/messages/describe_transactions.h"
#include "hub/kafka/messages/describe_user_scram_credentials.h"
#include "hub/kafka/messages/end_txn.h"
#include "hub/kafka/messages/fetch.h"
#include "hub/kafka/messages/find_coordinator.h"
#include "hub/kafka/messages/heartbeat.h"
#include "hub/kafka/messages/incremental_alter_configs.h"
#include "hub/kafka/messages/init_producer_id.h"
#include "hub/kafka/messages/join_group.h"
#include "hub/kafka/messages/leave_group.h"
#include "hub/kafka/messages/list_groups.h"
#include "hub/kafka/messages/list_offsets.h"
#include "hub/kafka/messages/list_transactions.h"
#include "hub/kafka/messages/metadata.h"
#include "hub/kafka/messages/offset_commit.h"
#include "hub/kafka/messages/offset_delete.h"
#include "hub/kafka/messages/offset_fetch.h"
#include "hub/kafka/messages/offset_for_leader_epoch.h"
#include "hub/kafka/messages/produce.h"
#include "hub/kafka/messages/sasl_authenticate.h"
#include "hub/kafka/messages/sasl_handshake.h"
#include "hub/kafka/messages/sync_group.h"
#include "hub/kafka/messages/txn_offset_commit.h"

namespace runnel::kafka {

template <class RequestType, class ResponseType>
struct Exchange {
  using Request = RequestType;
  using Response = ResponseType;
  static constexpr Api kApi = Request::kApi;
  static_assert(kApi == Response::kApi);
};

template <class... Each>
struct Exchanges {};

// In the order of their keys.
using ServedExchanges = Exchanges<
    Exchange<ProduceRequest, ProduceResponse>,
    Exchange<FetchRequest, FetchResponse>,
    Exchange<ListOffsetsRequest, ListOffsetsResponse>,
    Exchange<MetadataRequest, MetadataResponse>,
    Exchange<OffsetCommitRequest, OffsetCommitResponse>,
    Exchange<OffsetFetchRequest, OffsetFetchResponse>,
    Exchange<FindCoordinatorRequest, FindCoordinatorResponse>,
    Exchange<JoinGroupRequest, JoinGroupResponse>,
    Exchange<HeartbeatRequest, HeartbeatResponse>,
    Exchange<LeaveGroupRequest, LeaveGroupResponse>,
    Exchange<SyncGroupRequest, SyncGroupResponse>,
    Exchange<DescribeGroupsRequest, DescribeGroupsResponse>,
    Exchange<ListGroupsRequest, ListGroupsResponse>,
    Exchange<SaslHandshakeRequest, SaslHandshakeResponse>,
    Exchange<ApiVersionsRequest, ApiVersionsResponse>,
    Exchange<CreateTopicsRequest, CreateTopicsResponse>,
    Exchange<DeleteTopicsRequest, DeleteTopicsResponse>,
    Exchange<DeleteRecordsRequest, DeleteRecordsResponse>,
    Exchange<InitProducerIdRequest, InitProducerIdResponse>,
    Exchange<OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse>,
    Exchange<AddPartitionsToTxnRequest, AddPartitionsToTxnResponse>,
    Exchange<AddOffsetsToTxnRequest, AddOffsetsToTxnResponse>,
    Exchange<EndTxnRequest, EndTxnResponse>,
    Exchange<TxnOffsetCommitRequest, TxnOffsetCommitResponse>,
    Exchange<DescribeConfigsRequest, DescribeConfigsResponse>,
    Exchange<AlterConfigsRequest, AlterConfigsResponse>,
    Exchange<DescribeLogDirsRequest, DescribeLogDirsResponse>,
    Exchange<SaslAuthenticateRequest, SaslAuthenticateResponse>,
    Exchange<CreatePartitionsRequest, CreatePartitionsResponse>,
    Exchange<DeleteGroupsRequest, DeleteGroupsResponse>,
    Exchange<IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse>,
    Exchange<OffsetDeleteRequest, OffsetDeleteResponse>,
    Exchange<DescribeUserScramCredentialsRequest, DescribeUserScramCredentialsResponse>,
    Exchange<AlterUserScramCredentialsRequest, AlterUserScramCredentialsResponse>,
    Exchange<DescribeClusterRequest, DescribeClusterResponse>,
    Exchange<DescribeProducersRequest, DescribeProducersResponse>,
    Exchange<DescribeTransactionsRequest, DescribeTransactionsResponse>,
    Exchange<ListTransactionsRequest, ListTransactionsResponse>>;

// Calls `f.template operator()<Exchange>()` for the API with this key. False: it is not served.
template <class F>
bool with_exchange(std::int16_t key, F&& f) {
  return [&]<class... Each>(Exchanges<Each...>) {
    return (
        (static_cast<std::int16_t>(Each::kApi.key) == key ? (f.template operator()<Each>(), true)
                                                          : false) ||
        ...
    );
  }(ServedExchanges{});
}

// Calls it for every API, in the order of their keys.
template <class F>
void for_each_exchange(F&& f) {
  [&]<class... Each>(Exchanges<Each...>) {
    (f.template operator()<Each>(), ...);
  }(ServedExchanges{});
}

}  // namespace runnel::kafka
