#include "hub/kafka_client/sockets.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstddef>

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

}  // namespace

int Sockets::open(int domain, int type, int protocol) {
  const int made = ::socket(domain, type | SOCK_CLOEXEC, protocol);
  if (made < 0) return made;
  if (silence_max_.count() > 0) {
    const auto ms = static_cast<unsigned>(silence_max_.count());
    setsockopt(made, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof ms);
  }
  const std::scoped_lock lock(mutex_);
  open_[made] = domain;
  return made;
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
