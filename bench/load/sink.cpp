#include "bench/load/sink.h"

#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "bench/load/client.h"
#include "bench/load/wire.h"

namespace runnel::bench {

namespace {

constexpr std::size_t kReadBytes = 512 * 1024;
constexpr int kBacklog = 4096;
constexpr int kWaitMs = 200;

std::atomic<bool> stopping{false};

struct Peer {
  int fd = -1;
  bool v5 = false;
  bool waiting = false;  // for the socket to take `pending`
  std::string carry;
  std::string pending;
};

class Sink {
 public:
  explicit Sink(const Address& address) : address_(address), in_(kReadBytes + kPayloadBytesMax) {}

  ~Sink() {
    for (const auto& [fd, peer] : peers_) close(fd);
    if (listener_ >= 0) close(listener_);
    if (epoll_ >= 0) close(epoll_);
  }

  Sink(const Sink&) = delete;
  Sink& operator=(const Sink&) = delete;

  bool open() {
    epoll_ = epoll_create1(EPOLL_CLOEXEC);
    listener_ = socket(address_.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const int on = 1;
    setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    const auto* name = reinterpret_cast<const sockaddr*>(&address_.storage);
    if (bind(listener_, name, address_.bytes) != 0 || listen(listener_, kBacklog) != 0)
      return false;
    watch(listener_, EPOLLIN, EPOLL_CTL_ADD);
    return true;
  }

  void serve() {
    std::array<epoll_event, 256> events;
    while (!stopping.load()) {
      const int n = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), kWaitMs);
      for (int i = 0; i < n; ++i) {
        const int fd = events[static_cast<std::size_t>(i)].data.fd;
        if (fd == listener_) {
          accept_all();
        } else if (const auto found = peers_.find(fd); found != peers_.end()) {
          if (!attend(*found->second, events[static_cast<std::size_t>(i)].events)) drop(fd);
        }
      }
    }
  }

 private:
  void watch(int fd, std::uint32_t events, int operation) const {
    epoll_event event{};
    event.events = events;
    event.data.fd = fd;
    epoll_ctl(epoll_, operation, fd, &event);
  }

  void accept_all() {
    while (true) {
      const int fd = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd < 0) return;
      const int on = 1;
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      auto peer = std::make_unique<Peer>();
      peer->fd = fd;
      peers_[fd] = std::move(peer);
      watch(fd, EPOLLIN, EPOLL_CTL_ADD);
    }
  }

  void drop(int fd) {
    close(fd);
    peers_.erase(fd);
  }

  // False: the connection is over.
  bool attend(Peer& peer, std::uint32_t events) {
    if ((events & EPOLLOUT) != 0) return flush(peer);
    std::memcpy(in_.data(), peer.carry.data(), peer.carry.size());
    const std::size_t had = peer.carry.size();
    const ssize_t n = recv(peer.fd, in_.data() + had, in_.size() - had, 0);
    if (n < 0) return errno == EAGAIN;
    if (n == 0) return false;
    std::string_view bytes(in_.data(), had + static_cast<std::size_t>(n));
    Frame frame;
    Scan scan = Scan::incomplete;
    while ((scan = next_frame(bytes, frame)) == Scan::frame) {
      if (!answer(peer, frame)) return false;
      bytes.remove_prefix(frame.bytes);
    }
    if (scan == Scan::malformed || bytes.size() == in_.size()) return false;
    peer.carry.assign(bytes);
    return flush(peer);
  }

  bool answer(Peer& peer, const Frame& frame) {
    const Protocol protocol = peer.v5 ? Protocol::v5 : Protocol::v311;
    switch (frame.type()) {
      case PacketType::publish: {
        Publish publish;
        if (!decode_publish(frame, protocol, publish)) return false;
        if (publish.qos == 1) acknowledge(peer, PacketType::puback, publish.packet_id);
        if (publish.qos == 2) acknowledge(peer, PacketType::pubrec, publish.packet_id);
        return true;
      }
      case PacketType::pubrel: {
        Ack ack;
        if (!decode_ack(frame.body, ack)) return false;
        acknowledge(peer, PacketType::pubcomp, ack.packet_id);
        return true;
      }
      case PacketType::connect:
        if (frame.body.size() < 7) return false;
        peer.v5 = frame.body[6] == static_cast<char>(Protocol::v5);
        peer.pending.append(
            peer.v5 ? std::string("\x20\x03\0\0\0", 5) : std::string("\x20\x02\0\0", 4)
        );
        return true;
      case PacketType::subscribe:
        if (frame.body.size() < 2) return false;
        peer.pending.append(peer.v5 ? "\x90\x04" : "\x90\x03");
        peer.pending.append(frame.body.substr(0, 2));
        peer.pending.append(peer.v5 ? 2 : 1, '\0');
        return true;
      case PacketType::pingreq:
        peer.pending.append(std::string("\xd0\x00", 2));
        return true;
      default:
        return false;  // DISCONNECT, or what we do not speak
    }
  }

  static void acknowledge(Peer& peer, PacketType type, std::uint16_t packet_id) {
    const std::size_t at = peer.pending.size();
    peer.pending.resize(at + kAckBytes);
    encode_ack(peer.pending.data() + at, type, packet_id);
  }

  bool flush(Peer& peer) const {
    if (peer.pending.empty()) return true;
    const ssize_t n = send(peer.fd, peer.pending.data(), peer.pending.size(), MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN) return false;
    if (n > 0) peer.pending.erase(0, static_cast<std::size_t>(n));
    // Reads nothing while its answers are not taken: the peer must not make us buffer without
    // bound.
    if (peer.waiting == peer.pending.empty()) {
      peer.waiting = !peer.waiting;
      watch(peer.fd, peer.waiting ? EPOLLOUT : EPOLLIN, EPOLL_CTL_MOD);
    }
    return true;
  }

  const Address& address_;
  int epoll_ = -1;
  int listener_ = -1;
  std::vector<char> in_;
  std::unordered_map<int, std::unique_ptr<Peer>> peers_;
};

}  // namespace

void stop_sink() {
  stopping.store(true);
}

int run_sink(const Options& options) {
  Address address;
  if (!resolve(options.host, options.port, address)) return 1;
  Sink sink(address);
  if (!sink.open()) {
    std::fprintf(
        stderr, "%s:%u: %s\n", options.host.c_str(), unsigned{options.port}, std::strerror(errno)
    );
    return 1;
  }
  sink.serve();
  return 0;
}

}  // namespace runnel::bench
