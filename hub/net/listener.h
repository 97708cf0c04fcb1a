// Accepts TCP connections on one address. Threads: the io thread.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include <boost/asio/ip/tcp.hpp>

#include "hub/core/service.h"

namespace runnel::net {

class Listener {
 public:
  using Serve = std::function<void(boost::asio::ip::tcp::socket)>;

  // Throws std::runtime_error with address and reason when it cannot listen there.
  Listener(boost::asio::io_context& io, const std::string& host, std::uint16_t port, Serve serve);
  ~Listener();

  // "127.0.0.1:1883", with the port that the system gave when 0 was asked for.
  [[nodiscard]] std::string address() const;

  void close();

 private:
  struct State;
  static void accept(const std::shared_ptr<State>& state);

  std::shared_ptr<State> state_;
};

core::Endpoints endpoints_of(const boost::asio::ip::tcp::socket& socket);

}  // namespace runnel::net
