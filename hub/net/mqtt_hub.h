// Joins the broker, which has no sockets and no clock, to the io thread: makes its turns, carries
// commits and reads to it and back, and flushes what it wants to send. The doors (TCP, WebSocket)
// each bring Wires, one per connection.
//
// Threads: the io thread.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <unordered_set>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "hub/broker/broker.h"
#include "hub/runtime/log_client.h"

namespace runnel::net {

// The transport of one MQTT connection, kept alive by its own pending operations and by MqttHub.
class Wire : public std::enable_shared_from_this<Wire> {
 public:
  virtual ~Wire() = default;

  // The connection has output, or wants to be closed.
  virtual void flush() = 0;
  // It was paused, and may be read from again.
  virtual void resume() = 0;
  // Close now, whatever is unsent.
  virtual void abandon() = 0;
};

class MqttHub final : private broker::BlockReader {
 public:
  // How much is read from a socket at once: the filling group is held for as long as that takes.
  static constexpr std::size_t kReadBytes = 16 * 1024;

  MqttHub(
      boost::asio::io_context& io,
      runtime::LogClient& client,
      const log::Log& log,
      const Clock& clock,
      const broker::Limits& limits,
      const core::Routes* routes
  );

  // Brings sessions back; then the doors may open.
  Result<void> load();
  void start();

  [[nodiscard]] broker::Broker& broker() { return broker_; }
  [[nodiscard]] boost::asio::io_context& io() { return io_; }

  // Runs `work` as one turn of the io thread, then sends what came of it.
  void turn(const std::function<void(broker::Turn&)>& work);

  // A group came back from the commit thread.
  void committed(const log::Group& group);

  // A new connection, with `wire` as its transport; nullptr when there is no room.
  std::unique_ptr<broker::Connection> open(Wire& wire, std::string peer);
  // The transport is gone. Takes the connection away.
  void closed(Wire& wire, std::unique_ptr<broker::Connection> connection);

  // Read buffer of all wires: bytes in it live until the wire's handler returns.
  [[nodiscard]] std::array<char, kReadBytes>& read_buffer() { return read_buffer_; }

  // Says goodbye to all clients and closes every connection.
  void shut_down();

 private:
  void read(Position position) override;
  [[nodiscard]] Position first() const override { return log_.first(); }
  [[nodiscard]] Position skip_damaged(Position position) const override {
    return log_.skip_damaged(position);
  }
  void flush();
  void tick();

  boost::asio::io_context& io_;
  runtime::LogClient& client_;
  const log::Log& log_;
  const Clock& clock_;
  broker::Broker broker_;
  boost::asio::steady_timer timer_;
  std::unordered_set<std::shared_ptr<Wire>> wires_;
  bool flushing_ = false;
  bool more_posted_ = false;
  std::array<char, kReadBytes> read_buffer_{};
};

}  // namespace runnel::net
