#include "hub/net/websocket_door.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/detached.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/beast/websocket/stream.hpp>

#include "hub/net/listener.h"
#include "storage/base/logger.h"

namespace runnel::net {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace websocket = beast::websocket;
using tcp = asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
constexpr std::string_view kSubprotocol = "mqtt";
constexpr std::string_view kPath = "/mqtt";
constexpr std::chrono::seconds kUpgradeTimeout{10};
constexpr std::chrono::milliseconds kFarewell{100};
constexpr std::size_t kRequestHeadBytesMax = 8 * 1024;

using Request = http::request<http::empty_body>;
using Stream = websocket::stream<tcp::socket, false>;  // without permessage-deflate

// Whether the client offers our subprotocol in its comma-separated list.
bool offers_mqtt(const Request& request) {
  std::string_view offered = request[http::field::sec_websocket_protocol];
  while (!offered.empty()) {
    const std::size_t comma = offered.find(',');
    std::string_view one = offered.substr(0, comma);
    while (one.starts_with(' ')) one.remove_prefix(1);
    while (one.ends_with(' ')) one.remove_suffix(1);
    if (one == kSubprotocol) return true;
    offered = comma == std::string_view::npos ? std::string_view{} : offered.substr(comma + 1);
  }
  return false;
}

class WebSocketWire final : public Wire {
 public:
  WebSocketWire(Hub& hub, core::Service& mqtt, tcp::socket socket)
      : hub_(hub), mqtt_(mqtt), stream_(std::move(socket)), timer_(hub.io()) {}

  void begin() {
    asio::co_spawn(hub_.io(), run(self()), asio::detached);
  }

  void flush() override;
  void resume() override { timer_.cancel(); }
  void abandon() override { close_now(); }

 private:
  std::shared_ptr<WebSocketWire> self() {
    return std::static_pointer_cast<WebSocketWire>(shared_from_this());
  }

  // The parameter keeps the wire alive for as long as the coroutine runs.
  asio::awaitable<void> run(std::shared_ptr<WebSocketWire> self);
  asio::awaitable<bool> upgrade();
  asio::awaitable<void> refuse(http::status status, std::string why);
  void start_write();
  void on_written(const error_code& ec);
  void end_soon();
  void close_now();

  Hub& hub_;
  core::Service& mqtt_;
  Stream stream_;
  asio::steady_timer timer_;  // the upgrade's time-out, then the sleep of a paused reader
  std::unique_ptr<core::Stream> connection_;
  Bytes sending_;
  Bytes unsent_;
  std::array<char, 4096> received_{};
  bool closing_ = false;
};

asio::awaitable<void> WebSocketWire::refuse(http::status status, std::string why) {
  http::response<http::string_body> response(status, 11);
  response.set(http::field::content_type, "text/plain");
  response.body() = std::move(why);
  response.prepare_payload();
  response.keep_alive(false);
  co_await http::async_write(stream_.next_layer(), response, kAwait);
}

asio::awaitable<bool> WebSocketWire::upgrade() {
  beast::flat_buffer buffer;
  http::request_parser<http::empty_body> parser;
  parser.header_limit(kRequestHeadBytesMax);
  auto [read_error, n] = co_await http::async_read(stream_.next_layer(), buffer, parser, kAwait);
  if (read_error) co_return false;
  const Request& request = parser.get();
  if (!websocket::is_upgrade(request)) {
    co_await refuse(http::status::upgrade_required, "this port speaks MQTT over WebSocket\n");
    co_return false;
  }
  const std::string_view target = request.target();
  if (target.substr(0, target.find('?')) != kPath) {
    co_await refuse(http::status::not_found, "the path is /mqtt\n");
    co_return false;
  }
  if (!offers_mqtt(request)) {
    co_await refuse(http::status::bad_request, "the subprotocol is mqtt\n");
    co_return false;
  }
  const auto decorate = [](websocket::response_type& response) {
    response.set(http::field::sec_websocket_protocol, kSubprotocol);
  };
  stream_.set_option(websocket::stream_base::decorator(decorate));
  auto [accept_error] = co_await stream_.async_accept(request, kAwait);
  co_return !accept_error;
}

asio::awaitable<void> WebSocketWire::run(std::shared_ptr<WebSocketWire> self) {
  core::Endpoints endpoints = endpoints_of(stream_.next_layer());
  timer_.expires_after(kUpgradeTimeout);
  timer_.async_wait([weak = std::weak_ptr<Wire>(self), this](const error_code& ec) {
    const auto alive = weak.lock();
    if (!ec && alive && connection_ == nullptr) close_now();
  });
  const bool upgraded = co_await upgrade();
  timer_.cancel();
  if (!upgraded || closing_) co_return close_now();
  stream_.binary(true);
  stream_.read_message_max(0);  // the broker bounds packets; frames are only transport
  stream_.control_callback([this](websocket::frame_type kind, beast::string_view) {
    if (kind == websocket::frame_type::close) end_soon();
  });
  connection_ = hub_.open(mqtt_, *this, std::move(endpoints));
  if (connection_ == nullptr) {
    logger::warn("net", "a connection was refused: connections_max is reached");
    co_return close_now();
  }
  while (connection_ != nullptr && !connection_->closing()) {
    if (connection_->paused()) {
      timer_.expires_after(std::chrono::hours(1));
      co_await timer_.async_wait(kAwait);
      continue;
    }
    const asio::mutable_buffer into = asio::buffer(received_);
    auto [ec, n] = co_await stream_.async_read_some(into, kAwait);
    if (ec || connection_ == nullptr) break;
    if (!stream_.got_binary()) break;  // [MQTT-6.0.0-1]
    const ByteView bytes(received_.data(), n);
    hub_.turn([&](core::Turn& t) { connection_->receive(bytes, t); });
  }
  // A farewell that is still being written closes when it is done.
  if (connection_ == nullptr || !connection_->closing() || sending_.empty()) close_now();
}

void WebSocketWire::flush() {
  if (connection_ == nullptr) return;
  unsent_.append(connection_->out());
  Bytes().swap(connection_->out());
  connection_->set_unsent(unsent_.size() + sending_.size());
  if (sending_.empty()) start_write();
}

void WebSocketWire::start_write() {
  if (unsent_.empty()) {
    if (connection_ != nullptr && connection_->closing()) close_now();
    return;
  }
  std::swap(sending_, unsent_);
  stream_.async_write(asio::buffer(sending_), [me = self()](const error_code& ec, std::size_t) {
    me->on_written(ec);
  });
}

void WebSocketWire::on_written(const error_code& ec) {
  Bytes().swap(sending_);
  if (ec) return close_now();
  if (connection_ == nullptr) return;
  connection_->set_unsent(unsent_.size());
  if (!unsent_.empty() || connection_->closing()) return start_write();
  hub_.turn([this](core::Turn& t) { connection_->drained(t); });
}

// The client has closed the WebSocket. Beast answers, and would then wait for it to close the TCP
// connection, for as long as it likes.
void WebSocketWire::end_soon() {
  timer_.expires_after(kFarewell);
  timer_.async_wait([me = self()](const error_code& ec) {
    if (!ec) me->close_now();
  });
}

void WebSocketWire::close_now() {
  const auto keep = self();
  if (!closing_) {
    closing_ = true;
    timer_.cancel();
    error_code ignored;
    stream_.next_layer().shutdown(tcp::socket::shutdown_send, ignored);
    stream_.next_layer().close(ignored);
  }
  if (connection_ != nullptr) hub_.closed(*this, std::move(connection_));
}

}  // namespace

void serve_websocket(Hub& hub, core::Service& mqtt, tcp::socket socket) {
  error_code ignored;
  socket.set_option(tcp::no_delay(true), ignored);
  std::make_shared<WebSocketWire>(hub, mqtt, std::move(socket))->begin();
}

}  // namespace runnel::net
