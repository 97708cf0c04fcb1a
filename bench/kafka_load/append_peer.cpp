#include "bench/kafka_load/append_peer.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <vector>

#include "bench/kafka_load/batch.h"
#include "bench/kafka_load/socket.h"
#include "bench/kafka_load/wire.h"

namespace runnel::bench {

namespace {

constexpr std::size_t kGroupBytesMax = std::size_t{16} << 20;
constexpr std::size_t kZeroBytes = std::size_t{1} << 20;

struct Peer {
  explicit Peer(int taken) : fd(taken) {}

  Fd fd;
  std::string in;
};

using PeerPtr = std::shared_ptr<Peer>;

// What one flush is for.
struct Group {
  std::string batches;
  std::vector<std::pair<PeerPtr, std::string>> answers;

  [[nodiscard]] bool empty() const { return answers.empty(); }
};

// The file. Grows, or is written over from its start when it is laid out.
class Store {
 public:
  Store(const std::string& path, std::uint64_t laid_out_bytes) : laid_out_bytes_(laid_out_bytes) {
    if (path.empty()) return;
    fd_ = Fd(open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (fd_.get() < 0) fail_with_errno("cannot make " + path);
    const std::string zeros(kZeroBytes, '\0');
    for (std::uint64_t at = 0; at < laid_out_bytes_; at += kZeroBytes) put(zeros, at);
    if (fsync(fd_.get()) != 0) fail_with_errno("cannot flush");
  }

  void append(std::string_view bytes) {
    if (fd_.get() < 0) return;
    if (laid_out_bytes_ > 0 && at_ + bytes.size() > laid_out_bytes_) at_ = 0;
    put(bytes, at_);
    at_ += bytes.size();
    if (fdatasync(fd_.get()) != 0) fail_with_errno("cannot flush");
  }

 private:
  void put(std::string_view bytes, std::uint64_t at) {
    while (!bytes.empty()) {
      const ssize_t n = pwrite(fd_.get(), bytes.data(), bytes.size(), static_cast<off_t>(at));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) fail_with_errno("cannot write");
      bytes.remove_prefix(static_cast<std::size_t>(n));
      at += static_cast<std::uint64_t>(n);
    }
  }

  Fd fd_;
  std::uint64_t laid_out_bytes_;
  std::uint64_t at_ = 0;
};

// A client that has gone is nobody's failure.
void send_to(const Peer& peer, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = send(peer.fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(n));
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      pollfd wait{peer.fd.get(), POLLOUT, 0};
      poll(&wait, 1, -1);
    } else if (errno != EINTR) {
      return;
    }
  }
}

class AppendPeer {
 public:
  explicit AppendPeer(const KafkaOptions& o)
      : store_(o.file, o.laid_out_bytes),
        listener_(listen_on(o.port)),
        epoll_(epoll_create1(EPOLL_CLOEXEC)) {
    set_nonblocking(listener_.get());
    watch(listener_.get());
  }

  [[noreturn]] void run() {
    std::thread([this] { write_groups(); }).detach();
    while (true) {
      std::array<epoll_event, 256> events{};
      const int count =
          epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), -1);
      for (int i = 0; i < count; ++i) {
        const int fd = events[static_cast<std::size_t>(i)].data.fd;
        if (fd == listener_.get()) {
          accept_one();
        } else {
          receive(fd);
        }
      }
    }
  }

 private:
  void watch(int fd) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event);
  }

  void accept_one() {
    const int fd = accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) return;
    set_no_delay(fd);
    peers_.emplace(fd, std::make_shared<Peer>(fd));
    watch(fd);
  }

  void receive(int fd) {
    static std::array<char, kReadBytes> buffer;
    const PeerPtr peer = peers_.at(fd);
    const ssize_t n = recv(fd, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (n < 0 && (errno == EINTR || errno == EAGAIN || errno == EWOULDBLOCK)) return;
    bool stays = n > 0;
    if (stays) {
      peer->in.append(buffer.data(), static_cast<std::size_t>(n));
      stays = take_requests(peer);
    }
    if (stays) return;
    epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
    peers_.erase(fd);
  }

  bool take_requests(const PeerPtr& peer) {
    std::size_t at = 0;
    const std::string_view in = peer->in;
    while (in.size() - at >= kFrameSizeBytes) {
      const std::int32_t size = read_i32(in.data() + at);
      if (size < 0 || static_cast<std::size_t>(size) > kFrameBytesMax) return false;
      const std::size_t end = at + kFrameSizeBytes + static_cast<std::size_t>(size);
      if (in.size() < end) break;
      if (!take(peer, in.substr(at + kFrameSizeBytes, end - at - kFrameSizeBytes))) return false;
      at = end;
    }
    peer->in.erase(0, at);
    return true;
  }

  bool take(const PeerPtr& peer, std::string_view request) {
    In in(request);
    const bool produce = in.i16() == kProduce && in.i16() == kProduceVersion;
    const std::int32_t correlation = in.i32();
    in.string();     // client id
    in.string();     // transactional id
    in.take(2 + 4);  // acks, timeout
    const bool one = in.i32() == 1;
    const std::string_view topic = in.string();
    const bool only = in.i32() == 1;
    const std::int32_t partition = in.i32();
    const std::string_view batch = in.take(in.i32());
    if (!produce || !one || !only || !in.ok() || batch.size() < kBatchHeadBytes) return false;
    std::int64_t& next_offset = next_offsets_[partition];
    Out out;
    out.i32(0).i32(correlation).i32(1).string(topic).i32(1).i32(partition);
    out.i16(0).i64(next_offset).i64(-1).i64(0).i32(0);
    close_frame(out.bytes());
    next_offset += read_i32(batch.data() + kBatchCountAt);
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return filling_.batches.size() < kGroupBytesMax; });
    filling_.batches += batch;
    filling_.answers.emplace_back(peer, std::move(out.bytes()));
    lock.unlock();
    changed_.notify_all();
    return true;
  }

  [[noreturn]] void write_groups() {
    Group group;
    while (true) {
      group.batches.clear();
      group.answers.clear();
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return !filling_.empty(); });
        std::swap(group, filling_);
      }
      changed_.notify_all();
      store_.append(group.batches);
      std::map<PeerPtr, std::string> answers;
      for (auto& [peer, answer] : group.answers) answers[peer] += answer;
      for (const auto& [peer, bytes] : answers) send_to(*peer, bytes);
    }
  }

  Store store_;
  Fd listener_;
  Fd epoll_;
  std::unordered_map<int, PeerPtr> peers_;
  std::unordered_map<std::int32_t, std::int64_t> next_offsets_;
  std::mutex mutex_;
  std::condition_variable changed_;
  Group filling_;  // under mutex_
};

}  // namespace

int run_append_peer(const KafkaOptions& options) {
  AppendPeer(options).run();
}

}  // namespace runnel::bench
