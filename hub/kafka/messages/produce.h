// Produce, key 0: a batch of records for each of some partitions.
#pragma once

#include "hub/kafka/api.h"
#include "hub/kafka/error.h"
#include "hub/kafka/messages/by_topic.h"

namespace runnel::kafka {

struct ProduceRequest {
  // 0 to 2 carry the message formats before RecordBatch. Clients of librdkafka before 2.11.1
  // compress with gzip, snappy and lz4 only where 0 is in the advertised range, and never send it.
  static constexpr Api kApi{
      .key = ApiKey::produce, .min = 0, .max = 11, .flexible = 9, .served_from = 3};

  struct Partition {
    std::int32_t index = 0;
    NullableBlob records;  // one RecordBatch

    void io(auto& f) {
      f(index);
      f(records);
    }
  };

  NullableText transactional_id;
  std::int16_t acks = 0;  // -1: all, 0: none and no answer, 1: the leader
  std::int32_t timeout_ms = 0;
  Vector<ByTopic<Partition>> topics;

  void io(auto& f) {
    f(transactional_id, 3);
    f(acks);
    f(timeout_ms);
    f(topics);
  }
};

struct ProduceResponse {
  static constexpr Api kApi = ProduceRequest::kApi;

  struct RecordError {
    std::int32_t batch_index = 0;  // the record's place in the batch
    NullableText message;

    void io(auto& f) {
      f(batch_index);
      f(message);
    }
  };

  struct Partition {
    std::int32_t index = 0;
    ErrorCode error_code{};
    std::int64_t base_offset = 0;          // -1 beside an error
    std::int64_t log_append_time_ms = -1;  // -1: the records keep the times that they came with
    std::int64_t log_start_offset = -1;
    Vector<RecordError> record_errors;
    NullableText error_message;

    void io(auto& f) {
      f(index);
      f(error_code);
      f(base_offset);
      f(log_append_time_ms, 2);
      f(log_start_offset, 5);
      f(record_errors, 8);
      f(error_message, 8);
    }
  };

  Vector<ByTopic<Partition>> topics;
  std::int32_t throttle_time_ms = 0;

  void io(auto& f) {
    f(topics);
    f(throttle_time_ms, 1);
  }
};

}  // namespace runnel::kafka
