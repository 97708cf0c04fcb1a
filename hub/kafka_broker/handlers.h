// The handlers of requests that are answered from what is there; produce, fetch and groups have rooms
// of their own. Each answers, or leaves the answer to a commit. Threads: one, the io thread.
#pragma once

#include "hub/kafka/exchanges.h"
#include "hub/kafka_broker/dispatch.h"

namespace runnel::kafka {

// cluster_requests.cpp
void handle(const Context& context, const ApiVersionsRequest& request);
void handle(const Context& context, const MetadataRequest& request);
void handle(const Context& context, const DescribeClusterRequest& request);
void handle(const Context& context, const FindCoordinatorRequest& request);

// group_requests.cpp
void handle(const Context& context, const JoinGroupRequest& request);
void handle(const Context& context, const SyncGroupRequest& request);
void handle(const Context& context, const HeartbeatRequest& request);
void handle(const Context& context, const LeaveGroupRequest& request);
void handle(const Context& context, const DescribeGroupsRequest& request);
void handle(const Context& context, const ListGroupsRequest& request);
void handle(const Context& context, const DeleteGroupsRequest& request);
void handle(const Context& context, const OffsetDeleteRequest& request);

// commit_requests.cpp
void handle(const Context& context, const OffsetCommitRequest& request);
void handle(const Context& context, const OffsetFetchRequest& request);

// offset_requests.cpp
void handle(const Context& context, const ListOffsetsRequest& request);
void handle(const Context& context, const OffsetForLeaderEpochRequest& request);

// topic_requests.cpp
void handle(const Context& context, const CreateTopicsRequest& request);
void handle(const Context& context, const CreatePartitionsRequest& request);

// transaction_requests.cpp
void handle(const Context& context, const InitProducerIdRequest& request);
void handle(const Context& context, const AddPartitionsToTxnRequest& request);
void handle(const Context& context, const AddOffsetsToTxnRequest& request);
void handle(const Context& context, const TxnOffsetCommitRequest& request);
void handle(const Context& context, const EndTxnRequest& request);
void handle(const Context& context, const DescribeTransactionsRequest& request);
void handle(const Context& context, const ListTransactionsRequest& request);
void handle(const Context& context, const DescribeProducersRequest& request);
void handle(const Context& context, const DescribeLogDirsRequest& request);

// topic_deletions.cpp
void handle(const Context& context, const DeleteTopicsRequest& request);
void handle(const Context& context, const DeleteRecordsRequest& request);

// config_requests.cpp
void handle(const Context& context, const DescribeConfigsRequest& request);
void handle(const Context& context, const AlterConfigsRequest& request);
void handle(const Context& context, const IncrementalAlterConfigsRequest& request);

// sasl_requests.cpp
void handle(const Context& context, const SaslHandshakeRequest& request);
void handle(const Context& context, const SaslAuthenticateRequest& request);

// scram_requests.cpp
void handle(const Context& context, const DescribeUserScramCredentialsRequest& request);
void handle(const Context& context, const AlterUserScramCredentialsRequest& request);

// produces.h, fetches.h
void handle(const Context& context, const ProduceRequest& request);
void handle(const Context& context, const FetchRequest& request);

// The answer to an ApiVersions request of a version that is not known (KIP-511).
void refuse_api_versions(const Context& context);

// Whether a topic may have this name (Kafka's rule).
bool valid_topic_name(std::string_view name);

}  // namespace runnel::kafka
