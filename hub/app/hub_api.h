// The hub's HTTP API as values. The only place of the command line that knows its paths and what an
// answer may hold; what a newer hub adds is left alone, what is missing is a failure.
//
// Threads: one.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <boost/json/value.hpp>
#include <boost/system/result.hpp>

#include "hub/app/http_client.h"

namespace runnel::app {

struct ApiFailure {
  enum class Kind : std::uint8_t {
    unreachable,  // nobody answered; another try may succeed
    refused,      // the hub said no, or something that is no hub said something
  };

  Kind kind = Kind::refused;
  unsigned status = 0;  // HTTP's, where the hub said no
  std::string message;  // a sentence without a full stop
};

template <class T>
using Answer = boost::system::result<T, ApiFailure>;

struct PartitionInfo {
  std::uint32_t partition = 0;
  std::int64_t log_start_offset = 0;
  std::int64_t high_watermark = 0;
};

struct TopicInfo {
  std::string name;
  std::vector<PartitionInfo> partitions;
};

struct Records {
  boost::json::array records;  // as the API has them
  std::int64_t next_offset = 0;
  std::int64_t high_watermark = 0;
  std::int64_t log_start_offset = 0;
};

struct RecordsRequest {
  std::string topic;
  std::uint32_t partition = 0;
  std::int64_t offset = 0;
  std::uint64_t max = 500;
  std::chrono::milliseconds wait{0};
};

class HubApi {
 public:
  explicit HubApi(Peer peer) : http_(std::move(peer)) {}

  Answer<boost::json::object> status();
  Answer<boost::json::object> links();
  Answer<std::vector<TopicInfo>> topics();
  Answer<Records> records(const RecordsRequest& request);

 private:
  Answer<boost::json::object> ask(
      const std::string& target, std::chrono::milliseconds patience = {}
  );

  HttpClient http_;
};

boost::json::object json_of(const TopicInfo& topic);

}  // namespace runnel::app
