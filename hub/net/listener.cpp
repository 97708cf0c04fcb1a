#include "hub/net/listener.h"

#include <chrono>
#include <stdexcept>

#include <boost/asio/steady_timer.hpp>

#include "storage/base/logger.h"

namespace runnel::net {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr int kBacklog = 4096;
constexpr std::chrono::milliseconds kPauseAfterFailure{100};

std::string text(const tcp::endpoint& e) {
  const std::string host = e.address().to_string();
  return (e.address().is_v6() ? "[" + host + "]" : host) + ":" + std::to_string(e.port());
}

}  // namespace

struct Listener::State {
  State(asio::io_context& io, Serve serve_) : acceptor(io), pause(io), serve(std::move(serve_)) {}
  tcp::acceptor acceptor;
  asio::steady_timer pause;
  Serve serve;
};

Listener::Listener(asio::io_context& io, const std::string& host, std::uint16_t port, Serve serve)
    : state_(std::make_shared<State>(io, std::move(serve))) {
  error_code ec;
  const tcp::endpoint endpoint(asio::ip::make_address(host, ec), port);
  tcp::acceptor& a = state_->acceptor;
  if (!ec) a.open(endpoint.protocol(), ec);
  if (!ec) a.set_option(tcp::acceptor::reuse_address(true), ec);
  if (!ec) a.bind(endpoint, ec);
  if (!ec) a.listen(kBacklog, ec);
  if (ec) {
    throw std::runtime_error(
        "cannot listen on " + host + ":" + std::to_string(port) + ": " + ec.message()
    );
  }
  accept(state_);
}

Listener::~Listener() { close(); }

void Listener::close() {
  error_code ignored;
  state_->acceptor.close(ignored);
  state_->pause.cancel();
}

std::string Listener::address() const {
  error_code ignored;
  return text(state_->acceptor.local_endpoint(ignored));
}

void Listener::accept(const std::shared_ptr<State>& state) {
  state->acceptor.async_accept([state](const error_code& ec, tcp::socket socket) {
    if (ec == asio::error::operation_aborted || !state->acceptor.is_open()) return;
    if (!ec) {
      state->serve(std::move(socket));
      return accept(state);
    }
    // Out of descriptors, most likely: the connections that are there go on, new ones wait.
    logger::warn("net", logger::text("accept failed: ", ec.message()));
    state->pause.expires_after(kPauseAfterFailure);
    state->pause.async_wait([state](const error_code& stopped) {
      if (!stopped) accept(state);
    });
  });
}

core::Endpoints endpoints_of(const tcp::socket& socket) {
  core::Endpoints out;
  error_code ec;
  const tcp::endpoint peer = socket.remote_endpoint(ec);
  out.peer = ec ? std::string("?") : text(peer);
  const tcp::endpoint local = socket.local_endpoint(ec);
  if (ec) return out;
  out.local_host = local.address().to_string();
  out.local_port = local.port();
  return out;
}

}  // namespace runnel::net
