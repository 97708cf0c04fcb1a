// Makes the turns of the io thread: joins the services, which have no sockets and no clock, to the
// commit thread, and flushes what they want to send. The doors (TCP, WebSocket) each bring Wires, one
// per stream.
//
// Threads: the io thread.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "hub/core/service.h"
#include "hub/runtime/log_client.h"

namespace runnel::net {

// The transport of one stream, kept alive by its own pending operations and by Hub.
class Wire : public std::enable_shared_from_this<Wire> {
 public:
  virtual ~Wire() = default;

  // The stream has output, or wants to be closed.
  virtual void flush() = 0;
  // It was paused, and may be read from again.
  virtual void resume() = 0;
  // Close now, whatever is unsent.
  virtual void abandon() = 0;
};

class Hub {
 public:
  // How much is read from a socket at once: the filling group is held for as long as that takes.
  static constexpr std::size_t kReadBytes = 16 * 1024;

  using Work = std::function<void(core::Turn&)>;

  // All outlive this.
  Hub(boost::asio::io_context& io,
      runtime::LogClient& client,
      const log::Log& log,
      const Clock& clock);

  // Services are told of commits in the order in which they were added. Before start().
  void add(core::Service& service) { services_.push_back(&service); }
  void start();

  [[nodiscard]] boost::asio::io_context& io() { return io_; }

  // Runs `work` as one turn of the io thread, then sends what came of it.
  void turn(const Work& work);

  // A group came back from the commit thread.
  void committed(const log::Group& group);

  // A new stream of `service`, with `wire` as its transport; nullptr when there is no room.
  std::unique_ptr<core::Stream> open(core::Service& service, Wire& wire, core::Endpoints endpoints);
  // The transport is gone. Takes the stream away.
  void closed(Wire& wire, std::unique_ptr<core::Stream> stream);

  // Read buffer of all wires: bytes in it live until the wire's handler returns.
  [[nodiscard]] std::array<char, kReadBytes>& read_buffer() { return read_buffer_; }

  // Says goodbye to all peers and closes every stream.
  void shut_down();

 private:
  void flush();
  void tick();
  void wait_for_tick(Instant until);

  boost::asio::io_context& io_;
  runtime::LogClient& client_;
  const log::Log& log_;
  const Clock& clock_;
  std::vector<core::Service*> services_;
  boost::asio::steady_timer timer_;
  Instant next_tick_{};
  std::unordered_set<std::shared_ptr<Wire>> wires_;
  bool ticking_ = false;
  bool flushing_ = false;
  bool more_posted_ = false;
  std::array<char, kReadBytes> read_buffer_{};
};

}  // namespace runnel::net
