#include "hub/app/connection.h"

#include <array>
#include <charconv>

#include <boost/asio/connect.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>

#include "hub/app/text.h"

namespace runnel::app {

namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

constexpr std::size_t kReadBytes = 64 * 1024;

// The system's words without the capital letter, since they follow a colon.
Why why(const boost::system::error_code& ec) {
  std::string text = ec.message();
  if (!text.empty()) text[0] = lower(text.substr(0, 1))[0];
  return {text};
}

}  // namespace

struct Connection::State {
  asio::io_context context{1};
  tcp::socket socket{context};
  std::array<char, kReadBytes> buffer{};

  // Runs the one operation that was started, to its end or until the time is over.
  std::optional<Why> run(
      const std::optional<boost::system::error_code>& outcome, std::chrono::milliseconds timeout
  ) {
    context.restart();
    context.run_for(timeout);
    if (!outcome) {
      boost::system::error_code ignored;
      socket.close(ignored);
      context.run();  // the operation ends as cancelled; its buffers are free then
      return Why{"no answer within " + std::to_string(timeout.count()) + " ms"};
    }
    if (*outcome) return why(*outcome);
    return std::nullopt;
  }
};

Connection::Connection() : state_(std::make_unique<State>()) {}

Connection::~Connection() = default;
Connection::Connection(Connection&&) noexcept = default;
Connection& Connection::operator=(Connection&&) noexcept = default;

std::optional<Why> Connection::open(const Peer& peer, std::chrono::milliseconds timeout) {
  boost::system::error_code ec;
  tcp::resolver resolver(state_->context);
  const auto endpoints = resolver.resolve(peer.host, std::to_string(peer.port), ec);
  if (ec) return why(ec);
  std::optional<boost::system::error_code> outcome;
  asio::async_connect(
      state_->socket,
      endpoints,
      [&outcome](const boost::system::error_code& error, const tcp::endpoint&) { outcome = error; }
  );
  if (auto failed = state_->run(outcome, timeout)) {
    close();
    return failed;
  }
  state_->socket.set_option(tcp::no_delay(true), ec);
  return std::nullopt;
}

bool Connection::is_open() const {
  return state_->socket.is_open();
}

void Connection::close() {
  boost::system::error_code ignored;
  state_->socket.close(ignored);
}

std::optional<Why> Connection::write(ByteView bytes, std::chrono::milliseconds timeout) {
  std::optional<boost::system::error_code> outcome;
  asio::async_write(
      state_->socket,
      asio::buffer(bytes),
      [&outcome](const boost::system::error_code& error, std::size_t) { outcome = error; }
  );
  return state_->run(outcome, timeout);
}

OrWhy<ByteView> Connection::read(std::chrono::milliseconds timeout) {
  std::optional<boost::system::error_code> outcome;
  std::size_t count = 0;
  state_->socket.async_read_some(
      asio::buffer(state_->buffer),
      [&](const boost::system::error_code& error, std::size_t bytes) {
        outcome = error;
        count = bytes;
      }
  );
  const auto failed = state_->run(outcome, timeout);
  if (outcome == asio::error::eof) return ByteView{};
  if (failed) return *failed;
  return ByteView(state_->buffer.data(), count);
}

std::optional<Peer> read_peer(std::string_view text) {
  constexpr std::string_view kScheme = "http://";
  if (text.starts_with(kScheme)) {
    text.remove_prefix(kScheme.size());
    if (text.ends_with('/')) text.remove_suffix(1);
  }
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  } else if (host.find_first_of(":/[]") != std::string_view::npos) {
    return std::nullopt;
  }
  const std::string_view digits = text.substr(colon + 1);
  Peer peer{std::string(host), 0};
  const char* end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, peer.port);
  if (host.empty() || digits.empty() || error != std::errc{} || stop != end || peer.port == 0) {
    return std::nullopt;
  }
  return peer;
}

std::string peer_text(const Peer& peer) {
  const bool v6 = peer.host.find(':') != std::string::npos;
  return (v6 ? "[" + peer.host + "]" : peer.host) + ":" + std::to_string(peer.port);
}

}  // namespace runnel::app
