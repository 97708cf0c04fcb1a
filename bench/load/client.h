// One MQTT connection on a nonblocking socket: connects, keeps alive, cuts the byte stream into
// packets, connects again after a loss. What the packets mean is the subclass's business; on its
// own it is an idle connection.
//
// Threads: that of its Loop.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "bench/load/loop.h"
#include "bench/load/wire.h"

namespace runnel::bench {

struct Address {
  sockaddr_storage storage{};
  socklen_t bytes = 0;
};

// False, with words on stderr, when the name does not resolve.
bool resolve(const std::string& host, std::uint16_t port, Address& address);

class Client {
 public:
  enum class State : std::uint8_t { closed, connecting, handshaking, open };

  // `loop` and `address` outlive the client.
  Client(Loop& loop, const Address& address, ConnectFields fields);
  virtual ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Opens the connection, or tries again after a loss. For State::closed only.
  void connect(std::uint64_t now_ns);

  // epoll has `events` for this connection.
  void ready(std::uint32_t events);

  // Keep-alive; call a few times a second.
  void tick(std::uint64_t now_ns);

  // DISCONNECT and close. It does not connect again by itself.
  void disconnect();

  [[nodiscard]] State state() const { return state_; }

  // Closed and due to be opened: not yet opened at all, or lost and its pause over.
  [[nodiscard]] bool wants_connection(std::uint64_t now_ns) const {
    return state_ == State::closed && wanted_ && now_ns >= retry_at_ns_;
  }

  // Ready for the load: by default, open.
  [[nodiscard]] virtual bool prepared() const { return state_ == State::open; }

 protected:
  virtual void on_open(const Connack& connack) { static_cast<void>(connack); }

  // A packet other than CONNACK and PINGRESP. False: no broker may send this here.
  virtual bool on_packet(const Frame& frame) {
    static_cast<void>(frame);
    return false;
  }

  // Takes whole packets from the front of `bytes`; returns how many bytes. May lose the connection.
  virtual std::size_t consume(std::string_view bytes);

  // After everything that one read brought has been consumed.
  virtual void on_read_end(std::uint64_t now_ns) { static_cast<void>(now_ns); }

  // The socket takes bytes again, and nothing of ours waits for it.
  virtual void on_writable() {}

  virtual void on_lost() {}

  // Writes what the socket takes and keeps the rest. May lose the connection.
  void send(std::string_view bytes);
  void flush_outbox();

  [[nodiscard]] bool blocked() const { return !pending_.empty(); }

  // Counts an error and closes; the worker opens it again after a pause.
  void lose(std::string_view words);
  // Closes without DISCONNECT and without counting an error.
  void close_quietly();

  void set_wanted(bool wanted) { wanted_ = wanted; }

  void set_clean_start(bool clean_start) { fields_.clean_start = clean_start; }

  // Whether on_writable() is called again and again while the socket takes bytes.
  void set_always_writable(bool always);

  [[nodiscard]] Loop& loop() const { return loop_; }

  [[nodiscard]] Protocol protocol() const { return fields_.protocol; }

  // When the last read returned.
  [[nodiscard]] std::uint64_t read_at_ns() const { return read_at_ns_; }

 private:
  bool take_frame(const Frame& frame);
  bool take_connack(const Frame& frame);
  void connected();
  void read();
  void flush_pending();
  void watch(std::uint32_t events, bool add);
  void watch_for(bool writable);

  Loop& loop_;
  const Address& address_;
  ConnectFields fields_;
  int fd_ = -1;
  State state_ = State::closed;
  bool wanted_ = true;
  bool always_writable_ = false;
  bool was_open_ = false;
  bool awaiting_pong_ = false;
  std::uint32_t watched_ = 0;
  std::uint64_t retry_at_ns_ = 0;
  std::uint64_t keep_alive_ns_ = 0;
  std::uint64_t last_sent_ns_ = 0;
  std::uint64_t read_at_ns_ = 0;
  std::string pending_;  // what the socket has not taken
  std::string carry_;    // the beginning of a packet
};

}  // namespace runnel::bench
