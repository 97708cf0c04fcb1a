#include "hub/kafka_broker/dispatch.h"

#include <array>

#include "hub/kafka/codec.h"
#include "hub/kafka_broker/broker.h"
#include "hub/kafka_broker/handlers.h"

namespace runnel::kafka {
namespace {

using Handle = bool (*)(const Context&, ByteView body);

// False: the body cannot be decoded.
template <class Request>
bool decode_and_handle(const Context& context, ByteView body) {
  const auto request = decode_body<Request>(body, context.call.version);
  if (!request) return false;
  handle(context, *request);
  return true;
}

struct Entry {
  Api api;
  Handle handle;
};

template <class... Requests>
constexpr std::array<Entry, sizeof...(Requests)> entries() {
  return {Entry{Requests::kApi, &decode_and_handle<Requests>}...};
}

// One place to add an API: the answer of ApiVersions and the dispatch come from it.
constexpr auto kEntries = entries<
    ProduceRequest,
    FetchRequest,
    ListOffsetsRequest,
    MetadataRequest,
    OffsetCommitRequest,
    OffsetFetchRequest,
    FindCoordinatorRequest,
    JoinGroupRequest,
    HeartbeatRequest,
    LeaveGroupRequest,
    SyncGroupRequest,
    DescribeGroupsRequest,
    ListGroupsRequest,
    SaslHandshakeRequest,
    ApiVersionsRequest,
    CreateTopicsRequest,
    DeleteTopicsRequest,
    DeleteRecordsRequest,
    InitProducerIdRequest,
    OffsetForLeaderEpochRequest,
    DescribeConfigsRequest,
    AlterConfigsRequest,
    DescribeLogDirsRequest,
    SaslAuthenticateRequest,
    CreatePartitionsRequest,
    DeleteGroupsRequest,
    IncrementalAlterConfigsRequest,
    OffsetDeleteRequest,
    DescribeClusterRequest,
    AddPartitionsToTxnRequest,
    AddOffsetsToTxnRequest,
    EndTxnRequest,
    TxnOffsetCommitRequest,
    DescribeTransactionsRequest,
    ListTransactionsRequest,
    DescribeProducersRequest,
    DescribeUserScramCredentialsRequest,
    AlterUserScramCredentialsRequest>();

const Entry* find_entry(std::int16_t key) {
  for (const Entry& e : kEntries) {
    if (static_cast<std::int16_t>(e.api.key) == key) return &e;
  }
  return nullptr;
}

}  // namespace

std::span<const Api> handled_apis() {
  static const auto apis = [] {
    std::array<Api, kEntries.size()> out;
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = kEntries[i].api;
    return out;
  }();
  return apis;
}

std::optional<std::string_view> dispatch(const Context& context, const Request& request) {
  const Entry* const entry = find_entry(request.header.api_key);
  if (entry == nullptr) return "it asked for an API that is not served";
  if (!entry->api.serves(context.call.version)) {
    if (entry->api.key != ApiKey::api_versions) return "it speaks a version that is not served";
    refuse_api_versions(context);
    return std::nullopt;
  }
  if (!entry->handle(context, request.body)) return "a request cannot be decoded";
  return std::nullopt;
}

}  // namespace runnel::kafka
