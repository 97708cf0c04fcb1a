#include "hub/net/tcp_wire.h"

#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "hub/net/listener.h"
#include "storage/base/logger.h"

namespace runnel::net {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;
using boost::system::error_code;

namespace {

// A larger output buffer is given back when it is empty.
constexpr std::size_t kKeptOutBytes = 512;

// Reads of one connection before others get their turn.
constexpr int kReadsPerWakeUp = 4;

// How long a peer has to take what a connection that is over still says.
constexpr std::chrono::seconds kLastWordsMax{5};

class TcpWire final : public Wire {
 public:
  TcpWire(Hub& hub, core::Service& service, tcp::socket socket)
      : hub_(hub), service_(service), socket_(std::move(socket)) {}

  bool begin() {
    stream_ = hub_.open(service_, *this, endpoints_of(socket_));
    if (stream_ == nullptr) return false;
    wait_readable();
    return true;
  }

  void flush() override;
  void resume() override { wait_readable(); }
  void abandon() override { close(); }

 private:
  std::shared_ptr<TcpWire> self() { return std::static_pointer_cast<TcpWire>(shared_from_this()); }
  void wait_readable();
  void on_readable();
  void drained_soon();
  void wait_writable();
  void give_up_later();
  void taken(std::size_t bytes);
  void close();

  Hub& hub_;
  core::Service& service_;
  tcp::socket socket_;
  std::unique_ptr<core::Stream> stream_;
  std::unique_ptr<asio::steady_timer> last_words_;  // closing, while the peer has not taken everything
  [[nodiscard]] std::size_t unsent() const { return unsent_.size() - unsent_at_; }

  Bytes unsent_;
  std::size_t unsent_at_ = 0;  // what is before it has been taken
  bool waiting_to_read_ = false;
  bool waiting_to_write_ = false;
  bool drained_posted_ = false;
};

void TcpWire::wait_readable() {
  if (waiting_to_read_ || stream_ == nullptr) return;
  waiting_to_read_ = true;
  socket_.async_wait(tcp::socket::wait_read, [me = self()](const error_code& ec) {
    me->waiting_to_read_ = false;
    if (!ec) me->on_readable();
  });
}

void TcpWire::on_readable() {
  auto& buffer = hub_.read_buffer();
  for (int i = 0; i < kReadsPerWakeUp; ++i) {
    if (stream_ == nullptr) return;
    error_code ec;
    const std::size_t n = socket_.read_some(asio::buffer(buffer), ec);
    if (ec == asio::error::would_block) break;
    if (ec) return close();
    hub_.turn([&](core::Turn& t) { stream_->receive({buffer.data(), n}, t); });
    if (stream_ == nullptr || stream_->paused()) return;
    if (n < buffer.size()) break;
  }
  wait_readable();
}

void TcpWire::flush() {
  if (stream_ == nullptr) return;
  Bytes& out = stream_->out();
  if (waiting_to_write_) {
    unsent_.append(out);
    out.clear();
    stream_->set_unsent(unsent());
    give_up_later();
    return;
  }
  std::size_t sent = 0;
  while (sent < out.size()) {
    error_code ec;
    const std::size_t n = socket_.write_some(asio::buffer(out.data() + sent, out.size() - sent), ec);
    if (ec == asio::error::would_block) break;
    if (ec) return close();
    sent += n;
  }
  if (sent == out.size()) {
    out.clear();
    if (out.capacity() > kKeptOutBytes) Bytes().swap(out);
    stream_->set_unsent(0);
    if (stream_->closing()) return close();
    if (stream_->wants_drained()) drained_soon();
    return;
  }
  unsent_.swap(out);
  unsent_at_ = sent;
  out.clear();
  stream_->set_unsent(unsent());
  give_up_later();
  wait_writable();
}

// A peer that reads nothing would keep a connection that is over for as long as it liked.
void TcpWire::give_up_later() {
  if (!stream_->closing() || last_words_) return;
  last_words_ = std::make_unique<asio::steady_timer>(hub_.io(), kLastWordsMax);
  last_words_->async_wait([me = self()](const error_code& ec) {
    if (!ec) me->close();
  });
}

// In a turn of its own, behind what others have to do: a client that takes as fast as we write would
// otherwise keep the io thread to itself for as long as it has a backlog.
void TcpWire::drained_soon() {
  if (drained_posted_) return;
  drained_posted_ = true;
  asio::post(hub_.io(), [me = self()] {
    me->drained_posted_ = false;
    if (me->stream_ == nullptr || me->waiting_to_write_) return;
    me->hub_.turn([&](core::Turn& t) { me->stream_->drained(t); });
  });
}

void TcpWire::wait_writable() {
  waiting_to_write_ = true;
  socket_.async_wait(tcp::socket::wait_write, [me = self()](const error_code& ec) {
    me->waiting_to_write_ = false;
    if (ec || me->stream_ == nullptr) return;
    error_code write_error;
    const asio::const_buffer rest(me->unsent_.data() + me->unsent_at_, me->unsent());
    const std::size_t n = me->socket_.write_some(rest, write_error);
    if (write_error && write_error != asio::error::would_block) return me->close();
    me->taken(n);
    me->stream_->set_unsent(me->unsent());
    if (me->unsent() > 0) return me->wait_writable();
    Bytes().swap(me->unsent_);
    me->unsent_at_ = 0;
    if (me->stream_->closing()) return me->close();
    me->hub_.turn([&](core::Turn& t) { me->stream_->drained(t); });
  });
}

// Moves the rest to the front only when that is the smaller half, so that each byte is moved once.
void TcpWire::taken(std::size_t bytes) {
  unsent_at_ += bytes;
  if (unsent_at_ < unsent_.size() / 2) return;
  unsent_.erase(0, unsent_at_);
  unsent_at_ = 0;
}

void TcpWire::close() {
  if (stream_ == nullptr) return;
  const auto keep = self();
  last_words_.reset();
  error_code ignored;
  // The last packet (a DISCONNECT with its reason, say) must not be lost to a reset because the
  // client has sent more than was read.
  socket_.shutdown(tcp::socket::shutdown_send, ignored);
  auto& buffer = hub_.read_buffer();
  for (int i = 0; i < kReadsPerWakeUp; ++i) {
    error_code ec;
    socket_.read_some(asio::buffer(buffer), ec);
    if (ec) break;
  }
  socket_.close(ignored);
  hub_.closed(*this, std::move(stream_));
}

}  // namespace

void serve_tcp(Hub& hub, core::Service& service, tcp::socket socket) {
  error_code ignored;
  socket.set_option(tcp::no_delay(true), ignored);
  socket.non_blocking(true, ignored);
  // A peer whose power was cut says no goodbye, and not every protocol has a keep-alive of its own.
  socket.set_option(asio::socket_base::keep_alive(true), ignored);
  const auto wire = std::make_shared<TcpWire>(hub, service, std::move(socket));
  if (!wire->begin()) {
    logger::warn("net", "a connection was refused: connections_max is reached");
  }
}

}  // namespace runnel::net
