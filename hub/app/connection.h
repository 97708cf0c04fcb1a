// A TCP connection for the command line: one thing at a time, and never longer than asked.
// Threads: one.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <boost/system/result.hpp>

#include "storage/base/bytes.h"

namespace runnel::app {

// Where a hub is to be found.
struct Peer {
  std::string host = "127.0.0.1";  // a name or an address, without brackets
  std::uint16_t port = 0;
};

// "localhost:8090", "[::1]:8090", "http://gateway:8090/". nullopt: none of these.
std::optional<Peer> read_peer(std::string_view text);
std::string peer_text(const Peer& peer);

// Why something failed, as a clause for people: "connection refused".
struct Why {
  std::string text;
};

template <class T>
using OrWhy = boost::system::result<T, Why>;

class Connection {
 public:
  Connection();
  ~Connection();
  Connection(Connection&&) noexcept;
  Connection& operator=(Connection&&) noexcept;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // nullopt: connected.
  std::optional<Why> open(const Peer& peer, std::chrono::milliseconds timeout);
  [[nodiscard]] bool is_open() const;
  void close();

  // nullopt: all of it is with the system.
  std::optional<Why> write(ByteView bytes, std::chrono::milliseconds timeout);

  // What has come, at least one byte; empty when the peer has closed. Valid until the next call.
  OrWhy<ByteView> read(std::chrono::milliseconds timeout);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace runnel::app
