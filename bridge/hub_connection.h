// One connection to a peer hub in Kafka's protocol, for what librdkafka does not do: it shows batches as
// they stand in the peer's log. One request at a time, each answered or timed out.
//
// Threads: one, the link's.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "hub/kafka/codec.h"
#include "hub/kafka_client/record.h"
#include "hub/kafka_client/sockets.h"

namespace runnel::bridge {

using kafka_client::Answer;
using kafka_client::Failure;

class HubConnection {
 public:
  // Asked while it waits: true to give up.
  using Stop = std::function<bool()>;

  // `name`: how it introduces itself. `silence_max`: as Sockets.
  HubConnection(
      kafka_client::Door door, std::string name, std::chrono::milliseconds silence_max, Stop stop
  );
  ~HubConnection();
  HubConnection(const HubConnection&) = delete;
  HubConnection& operator=(const HubConnection&) = delete;

  // Tries each address for `patience`, and logs in.
  std::optional<Failure> open(std::chrono::milliseconds patience);

  // Gives up after `patience` in which nothing came. The views of the answer live until the next question.
  template <class Response, class Request>
  Answer<Response> ask(
      const Request& request, kafka::Version version, std::chrono::milliseconds patience
  ) {
    const auto frame = exchange(kafka::encode_request(++last_id_, version, name_, request), patience);
    if (!frame) return frame.error();
    const auto response = kafka::decode_response(Response::kApi, version, *frame);
    if (!response || response->correlation_id != last_id_) return no_hub();
    auto body = kafka::decode_body<Response>(response->body, version);
    if (!body) return no_hub();
    return std::move(*body);
  }

  [[nodiscard]] std::uint64_t wire_bytes() const { return sockets_.wire_bytes(); }

 private:
  using Clk = std::chrono::steady_clock;

  static Failure no_hub();
  std::optional<Failure> connect(const std::string& address, std::chrono::milliseconds patience);
  std::optional<Failure> log_in(std::chrono::milliseconds patience);
  std::optional<Failure> wait(short events, Clk::time_point until) const;
  std::optional<Failure> write(ByteView bytes, Clk::time_point until);
  std::optional<Failure> read(std::size_t bytes, std::chrono::milliseconds patience);
  // The answer's frame, without its length.
  Answer<ByteView> exchange(const Bytes& request, std::chrono::milliseconds patience);
  Answer<Bytes> authenticate(ByteView token, std::chrono::milliseconds patience);
  void close();

  kafka_client::Door door_;
  std::string name_;
  Stop stop_;
  kafka_client::Sockets sockets_;
  int socket_ = -1;
  std::int32_t last_id_ = 0;
  Bytes in_;
};

}  // namespace runnel::bridge
