// One connection that publishes on its own MQTT topics, with at most `window` messages in flight:
// each acknowledgement lets the next message go, and all that one read allows goes in one write.
//
// Messages are whole packets made beforehand; per message only the packet id and the stamp change.
// After a loss of the connection what was in flight goes again, in its order, with the same stamps.
//
// Threads: that of its Loop.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "bench/load/client.h"

namespace runnel::bench {

class Publisher : public Client {
 public:
  // `streams`: the numbers of its MQTT topics, published to in turn. `quota`: how many messages in
  // all; UINT64_MAX: no bound.
  Publisher(
      Loop& loop,
      const Address& address,
      ConnectFields fields,
      const std::vector<std::uint32_t>& streams,
      std::uint64_t quota
  );

  // Publishes as fast as acknowledgements come, from now on.
  void begin();
  // Publishes no new message from now on; what is in flight is waited for.
  void end();

  // For a paced load, instead of begin(): one message, counted as sent at `due_ns`. False when the
  // window is full, the quota used up or the connection not up.
  bool publish_one(std::uint64_t due_ns);

  [[nodiscard]] bool quota_used() const { return quota_left_ == 0; }

  // After the load: how many messages each stream has, and which were never acknowledged (nobody is
  // owed those).
  struct StreamSent {
    std::uint32_t stream;
    std::uint64_t sent;
  };

  [[nodiscard]] std::vector<StreamSent> sent() const;
  [[nodiscard]] std::vector<std::pair<std::uint32_t, std::uint64_t>> unacknowledged() const;

 protected:
  void on_open(const Connack& connack) override;
  bool on_packet(const Frame& frame) override;
  std::size_t consume(std::string_view bytes) override;
  void on_read_end(std::uint64_t now_ns) override;
  void on_writable() override;

 private:
  struct Topic {
    std::uint32_t stream;
    PublishTemplate message;
    std::uint64_t next_sequence = 0;
  };

  enum class SlotState : std::uint8_t { free, published, released };

  struct Slot {  // of packet id `index + 1`
    std::uint64_t sent_ns = 0;
    std::uint64_t sequence = 0;
    std::uint64_t order = 0;
    std::uint32_t topic = 0;
    SlotState state = SlotState::free;
  };

  void fill(std::uint64_t now_ns);
  void fill_unacknowledged();
  void append_next(std::uint64_t now_ns);
  char* append(const Topic& topic, std::uint64_t sequence, std::uint64_t sent_ns);
  void append_slot(std::uint16_t packet_id, bool dup);
  void append_ack(PacketType type, std::uint16_t packet_id);
  bool settle(PacketType type, Ack ack);
  void complete(std::uint16_t packet_id, bool accepted);
  void send_again(bool session_present);

  // Free packet ids, in the order they became free.
  void push_free(std::uint16_t packet_id);
  std::uint16_t pop_free();

  unsigned qos_;
  std::vector<Topic> topics_;
  std::size_t turn_ = 0;  // whose turn among the topics
  std::vector<Slot> slots_;
  std::vector<std::uint16_t> free_;
  std::size_t free_head_ = 0;
  std::size_t free_tail_ = 0;
  std::size_t in_flight_ = 0;
  std::size_t window_;  // may be less than the slots: the broker's Receive Maximum
  std::uint64_t quota_left_;
  std::uint64_t order_ = 0;
  bool publishing_ = false;
  std::vector<std::pair<std::uint32_t, std::uint64_t>> refused_;
};

}  // namespace runnel::bench
