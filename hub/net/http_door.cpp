#include "hub/net/http_door.h"

#include <set>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

namespace runnel::net {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using tcp = asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
constexpr std::chrono::seconds kIdleTimeout{60};

int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

HttpRequest parse(const http::request<http::empty_body>& request) {
  HttpRequest out;
  out.method = request.method_string();
  std::string_view target = request.target();
  const std::size_t mark = target.find('?');
  out.path = percent_decode(target.substr(0, mark));
  if (mark == std::string_view::npos) return out;
  std::string_view rest = target.substr(mark + 1);
  while (!rest.empty()) {
    const std::size_t end = rest.find('&');
    const std::string_view one = rest.substr(0, end);
    const std::size_t equals = one.find('=');
    const std::string_view value =
        equals == std::string_view::npos ? std::string_view{} : one.substr(equals + 1);
    out.query.insert_or_assign(percent_decode(one.substr(0, equals)), percent_decode(value));
    rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
  }
  return out;
}

}  // namespace

std::string percent_decode(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool coded = text[i] == '%' && i + 2 < text.size() && hex(text[i + 1]) >= 0 &&
                       hex(text[i + 2]) >= 0;
    if (!coded) {
      out.push_back(text[i]);
      continue;
    }
    out.push_back(static_cast<char>(hex(text[i + 1]) * 16 + hex(text[i + 2])));
    i += 2;
  }
  return out;
}

struct HttpDoor::State : std::enable_shared_from_this<State> {
  struct Peer {
    Peer(asio::io_context& io, tcp::socket s) : socket(std::move(s)), timer(io), answered(io) {}
    tcp::socket socket;
    asio::steady_timer timer;     // closes a connection that says nothing
    asio::steady_timer answered;  // cancelled when the handler has answered
    HttpAnswer answer;
    bool done = false;

    void close() {
      error_code ignored;
      socket.close(ignored);
      timer.cancel();
      answered.cancel();
    }
  };

  State(asio::io_context& io_, HttpHandler handler_) : io(io_), handler(std::move(handler_)) {}

  static asio::awaitable<void> run(std::shared_ptr<State> state, std::shared_ptr<Peer> peer);
  static asio::awaitable<bool> exchange(std::shared_ptr<State> state, std::shared_ptr<Peer> peer);

  asio::io_context& io;
  HttpHandler handler;
  std::set<std::shared_ptr<Peer>> peers;
};

// One request and its answer. False: the connection ends.
asio::awaitable<bool> HttpDoor::State::exchange(
    std::shared_ptr<State> state,
    std::shared_ptr<Peer> peer
) {
  beast::flat_buffer buffer(kHttpHeadBytesMax);
  http::request_parser<http::empty_body> parser;
  parser.header_limit(kHttpHeadBytesMax);
  parser.body_limit(0);
  peer->timer.expires_after(kIdleTimeout);
  peer->timer.async_wait([weak = std::weak_ptr<Peer>(peer)](const error_code& ec) {
    if (const auto p = weak.lock(); p && !ec) p->close();
  });
  auto [read_error, n] = co_await http::async_read(peer->socket, buffer, parser, kAwait);
  peer->timer.cancel();
  if (read_error) co_return false;
  const HttpRequest request = parse(parser.get());
  const unsigned version = parser.get().version();
  const bool keep_alive = parser.get().keep_alive();
  peer->done = false;
  const HttpReply reply = [peer](HttpAnswer answer) {
    peer->answer = std::move(answer);
    peer->done = true;
    peer->answered.cancel();
  };
  state->handler(request, reply);
  while (!peer->done && peer->socket.is_open()) {
    peer->answered.expires_after(std::chrono::hours(1));
    co_await peer->answered.async_wait(kAwait);
  }
  if (!peer->done) co_return false;
  const auto status = static_cast<http::status>(peer->answer.status);
  http::response<http::string_body> response(status, version);
  response.set(http::field::content_type, peer->answer.content_type);
  response.set(http::field::cache_control, "no-store");
  response.keep_alive(keep_alive);
  response.body() = std::move(peer->answer.body);
  response.prepare_payload();
  if (request.method == "HEAD") response.body().clear();
  auto [write_error, written] = co_await http::async_write(peer->socket, response, kAwait);
  co_return !write_error && keep_alive;
}

asio::awaitable<void> HttpDoor::State::run(
    std::shared_ptr<State> state,
    std::shared_ptr<Peer> peer
) {
  bool more = true;
  while (more) more = co_await exchange(state, peer);
  peer->close();
  state->peers.erase(peer);
}

HttpDoor::HttpDoor(asio::io_context& io, HttpHandler handler)
    : state_(std::make_shared<State>(io, std::move(handler))) {}

void HttpDoor::serve(tcp::socket socket) {
  if (state_->peers.size() >= kHttpConnectionsMax) return;
  const auto peer = std::make_shared<State::Peer>(state_->io, std::move(socket));
  state_->peers.insert(peer);
  asio::co_spawn(state_->io, State::run(state_, peer), asio::detached);
}

void HttpDoor::close() {
  for (const auto& peer : state_->peers) peer->close();
}

}  // namespace runnel::net
