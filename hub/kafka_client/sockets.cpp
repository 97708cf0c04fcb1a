#include "hub/kafka_client/sockets.h"

#include <linux/tcp.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <functional>
#include <utility>
#include <vector>

namespace runnel::kafka_client {

namespace {

// IP's header, TCP's, and its timestamps, which every segment carries.
constexpr std::uint64_t kHeadersIPv4 = 20 + 20 + 12;
constexpr std::uint64_t kHeadersIPv6 = 40 + 20 + 12;

std::uint64_t bytes_over(int socket, int domain) {
  tcp_info info{};
  socklen_t size = sizeof info;
  if (getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return 0;
  // An old kernel does not know how much it has sent (Linux 4.19).
  if (size < offsetof(tcp_info, tcpi_bytes_sent) + sizeof info.tcpi_bytes_sent) {
    info.tcpi_bytes_sent = info.tcpi_bytes_acked;
  }
  const std::uint64_t segments = std::uint64_t{info.tcpi_segs_out} + info.tcpi_segs_in;
  return info.tcpi_bytes_sent + info.tcpi_bytes_received +
         segments * (domain == AF_INET6 ? kHeadersIPv6 : kHeadersIPv4);
}

// Sockets that are being connected; closed at the end.
class Asking {
 public:
  // `count` is told of each before it is closed.
  Asking(std::chrono::milliseconds each_max, std::function<void(int)> count)
      : each_max_(each_max), count_(std::move(count)) {}
  ~Asking() {
    for (const pollfd& one : all_) end(one.fd);
  }
  Asking(const Asking&) = delete;
  Asking& operator=(const Asking&) = delete;

  // And gives up those that have waited for too long.
  void add(int socket) {
    const auto now = std::chrono::steady_clock::now();
    all_.push_back({socket, POLLOUT, 0});
    since_.push_back(now);
    while (now - since_.front() > each_max_) {
      end(all_.front().fd);
      all_.erase(all_.begin());
      since_.erase(since_.begin());
    }
  }

  // One that has come to an end by then, and which: 0, or an errno. -1: none.
  int wait(std::chrono::steady_clock::time_point until, int& error) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    if (::poll(all_.data(), all_.size(), static_cast<int>(std::max<std::int64_t>(left.count(), 0)) + 1) <= 0) return -1;
    for (const pollfd& one : all_) {
      if (one.revents == 0) continue;
      socklen_t size = sizeof error;
      getsockopt(one.fd, SOL_SOCKET, SO_ERROR, &error, &size);
      return one.fd;
    }
    return -1;
  }

  // It goes on under another number.
  void take(int socket) {
    std::erase_if(all_, [&](const pollfd& one) { return one.fd == socket; });
    ::close(socket);
  }

 private:
  void end(int socket) const {
    count_(socket);
    ::close(socket);
  }

  std::chrono::milliseconds each_max_;
  std::function<void(int)> count_;
  std::vector<pollfd> all_;
  std::vector<std::chrono::steady_clock::time_point> since_;
};

}  // namespace

int Sockets::make(int domain, int type, int protocol) const {
  const int made = ::socket(domain, type | SOCK_CLOEXEC, protocol);
  if (made < 0) return made;
  if (silence_max_.count() > 0) {
    const auto ms = static_cast<unsigned>(silence_max_.count());
    setsockopt(made, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof ms);
  }
  return made;
}

int Sockets::open(int domain, int type, int protocol) {
  const int made = make(domain, type, protocol);
  if (made < 0) return made;
  const std::scoped_lock lock(mutex_);
  open_[made] = domain;
  return made;
}

int Sockets::connect(int socket, const sockaddr* address, int size) {
  using std::chrono::milliseconds;
  using std::chrono::steady_clock;
  const auto count = [&](int one) {
    const std::scoped_lock lock(mutex_);
    closed_bytes_ += bytes_over(one, address->sa_family);
  };
  Asking asking(connect_max_, count);
  int error = ETIMEDOUT;
  const auto until = steady_clock::now() + kConnectMost;
  auto ask_at = steady_clock::now();
  if (asked_.load() == 0) asked_.store(ask_at.time_since_epoch().count());
  while (steady_clock::now() < until && !stopped_.load()) {
    if (steady_clock::now() >= ask_at) {
      ask_at += unanswered() < kAskLess ? kAskEvery : 2 * kAskEvery;
      const int one = make(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK, IPPROTO_TCP);
      if (one < 0) return errno;
      asking.add(one);
      if (::connect(one, address, static_cast<socklen_t>(size)) != 0 && errno != EINPROGRESS) return errno;
    }
    const int answered = asking.wait(std::min(ask_at, until), error);
    if (answered < 0) continue;
    asked_.store(0);
    if (error != 0) return error;  // somebody is there who says no, or the network does
    connected_.store(true);
    if (::dup3(answered, socket, O_CLOEXEC) < 0) return errno;
    asking.take(answered);
    return 0;
  }
  return ETIMEDOUT;
}

std::chrono::milliseconds Sockets::unanswered() const {
  using Clk = std::chrono::steady_clock;
  const Clk::rep since = asked_.load();
  if (since == 0) return std::chrono::milliseconds(0);
  return std::chrono::duration_cast<std::chrono::milliseconds>(Clk::now().time_since_epoch() - Clk::duration(since));
}

int Sockets::close(int socket) {
  {
    const std::scoped_lock lock(mutex_);
    const auto found = open_.find(socket);
    if (found != open_.end()) {
      closed_bytes_ += bytes_over(socket, found->second);
      open_.erase(found);
    }
  }
  return ::close(socket);
}

std::uint64_t Sockets::wire_bytes() const {
  const std::scoped_lock lock(mutex_);
  std::uint64_t bytes = closed_bytes_;
  for (const auto& [socket, domain] : open_) bytes += bytes_over(socket, domain);
  return bytes;
}

}  // namespace runnel::kafka_client
