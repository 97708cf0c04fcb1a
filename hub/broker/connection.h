// One MQTT client connection, without socket and clock: bytes and instants go in, bytes come out. It
// frames and decodes, keeps to the rules of the specification for a connection (MQTT 5.0 §3, §4.8 to
// §4.13; 3.1.1 likewise), and leaves everything that outlives it to the Session and the Broker.
//
// Output is collected in out(); the broker lists connections that have some, and the door writes it,
// so that all acknowledgements of a commit leave in one write.
//
// Threads: one, the io thread.
#pragma once

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "hub/broker/session.h"
#include "hub/core/stream.h"
#include "hub/mqtt/codec.h"

namespace runnel::broker {

// What MQTT can express at most (§2.1.4): a client that names no Maximum Packet Size takes it.
constexpr std::size_t kPacketBytesMax = 268'435'455 + 5;

class Connection final : public core::Stream {
 public:
  // `owner` is the door's; the broker gives it back in Broker::take_ready().
  Connection(Broker& broker, std::uint64_t ticket_owner, void* owner, std::string peer, Instant now);
  ~Connection() override;

  void receive(ByteView bytes, Turn& turn) override;
  // Goes on with packets that waited because a group was full.
  void resume(Turn& turn);
  void closed(Turn& turn) override;
  // Keep-alive and the time allowed for CONNECT.
  void tick(Turn& turn);

  void drained(Turn& turn) override;
  [[nodiscard]] bool wants_drained() const override {
    return choked_ || (session_ != nullptr && !session_->tailing());
  }
  // Whether packets may be sent: CONNACK went out, and the end has not begun.
  [[nodiscard]] bool open() const { return greeted_ && !closing_; }

  [[nodiscard]] const std::string& peer() const { return peer_; }
  [[nodiscard]] std::uint64_t ticket_owner() const { return ticket_owner_; }
  [[nodiscard]] Session* session() const { return session_; }
  [[nodiscard]] mqtt::Version version() const { return version_; }

  // --- for Session and Broker ---
  void send_publish(mqtt::Publish& packet);
  void send_ack(mqtt::PacketType type, mqtt::PacketId id, mqtt::Reason reason);
  void send_raw(ByteView packet);
  void disconnect(mqtt::Reason reason, std::string_view why);
  // A publish has been answered: its place in the window is free.
  void window_freed() { --window_used_; }
  [[nodiscard]] std::uint16_t send_window() const { return send_window_; }
  [[nodiscard]] std::size_t packet_bytes_max() const { return packet_bytes_max_; }
  [[nodiscard]] bool limits_packets() const { return packet_bytes_max_ < kPacketBytesMax; }
  void session_taken() { session_ = nullptr; }
  // Where the replay that the waiting SUBSCRIBE asks for begins.
  void sought(Result<Position> position, Turn& turn);

 private:
  friend class Broker;

  std::size_t consume(ByteView bytes, Turn& turn);
  void take(ByteView bytes, Turn& turn);
  void pause();
  void greet(ByteView connack, Turn& turn);
  void handle(const mqtt::FixedHeader& header, ByteView body, Turn& turn);
  void on_connect(ByteView body, Turn& turn);
  // Answers a CONNECT that cannot be accepted; true when it did.
  [[nodiscard]] bool refuse_connect(const mqtt::Connect& connect);
  void refuse(mqtt::Reason reason, std::size_t packet_bytes_max);
  void accept_connect(const mqtt::Connect& connect, std::string_view assigned, Turn& turn);
  void on_publish(std::uint8_t flags, ByteView body, Turn& turn);
  [[nodiscard]] mqtt::Reason resolve_alias(mqtt::Publish& publish);
  void accept_publish(const mqtt::Publish& publish, Turn& turn);
  void on_ack(mqtt::PacketType type, ByteView body, Turn& turn);
  void on_pubrel(mqtt::PacketId id, Turn& turn);
  void on_subscribe(ByteView body, Turn& turn);
  // What is to follow the SUBACK, by Subscription::which.
  struct Follows {
    std::vector<std::uint32_t> retained;  // subscriptions whose retained messages are to be sent
    std::vector<std::uint32_t> fresh;     // subscriptions that are new
    std::vector<std::uint32_t> replayed;  // subscriptions that begin in the past
    bool shared = false;                  // a shared one asked for the past
  };

  // What a SUBSCRIBE asks of the past, once it is known where that is.
  struct Replay {
    ReplayFrom from;
    Position position{};
  };

  // Asks where the replay begins, when that takes reading; false: `replay` has it.
  bool seek(const ReplayFrom& from, ByteView body, Replay& replay, std::string& wrong);
  void subscribe(const mqtt::Subscribe& packet, const Replay* replay, Turn& turn);
  void refuse_subscribe(const mqtt::Subscribe& packet, std::string_view why);
  mqtt::Reason subscribe_one(
      const mqtt::SubscribeEntry& entry,
      std::optional<std::uint32_t> id,
      bool replay,
      Follows& follows
  );
  [[nodiscard]] Bytes encoded(mqtt::SubscriptionAck& ack) const;
  void on_unsubscribe(ByteView body, Turn& turn);
  void on_disconnect(ByteView body, Turn& turn);
  // Ends the connection because of what the client did.
  void fail(mqtt::Reason reason, std::string_view why);
  // A publish that is not stored: v5 is told why, 3.1.1 can only be cut off.
  void refuse_publish(mqtt::PacketType type, mqtt::PacketId id, mqtt::Reason reason);
  void wrote();

  Broker& broker_;
  std::uint64_t ticket_owner_;
  std::string peer_;
  Session* session_ = nullptr;
  mqtt::Version version_ = mqtt::Version::v5;
  bool connected_ = false;  // CONNECT was accepted
  bool greeted_ = false;    // CONNACK was sent
  bool choked_ = false;     // paused because the client does not take its answers
  bool listed_ = false;     // among Broker::take_ready()
  bool explains_ = true;    // the client wants reason strings (Request Problem Information)
  bool keep_will_ = true;   // no DISCONNECT that drops the will has come
  std::uint16_t keep_alive_s_ = 0;
  std::uint16_t send_window_ = 65535;  // QoS 1 and 2 we may have in flight towards it
  std::uint16_t alias_out_max_ = 0;
  std::size_t packet_bytes_max_ = kPacketBytesMax;
  int window_used_ = 0;  // QoS 1 and 2 of its that we have not answered
  Instant last_packet_;
  Bytes partial_;
  std::optional<Bytes> seeking_;  // the body of a SUBSCRIBE that waits for sought()
  std::vector<std::string> aliases_in_;  // by alias - 1
  std::unordered_map<std::string, std::uint16_t> aliases_out_;
};

}  // namespace runnel::broker
