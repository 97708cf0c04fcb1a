#include "bench/kafka_load/bytes_peer.h"

#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "bench/kafka_load/socket.h"
#include "bench/kafka_load/wire.h"

namespace runnel::bench {

namespace {

constexpr std::size_t kRequestBytes = 12;

void send_file(int peer, int file, std::int64_t position, std::size_t bytes) {
  off_t at = position;
  while (bytes > 0) {
    const ssize_t n = sendfile(peer, file, &at, bytes);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail_with_errno("cannot send the file");
    if (n == 0) fail("the file is shorter than what was asked for");
    bytes -= static_cast<std::size_t>(n);
  }
}

void copy_file(int peer, int file, std::int64_t position, std::size_t bytes, std::string& buffer) {
  while (bytes > 0) {
    const std::size_t wanted = std::min(bytes, buffer.size());
    const ssize_t n = pread(file, buffer.data(), wanted, position);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail_with_errno("cannot read the file");
    if (n == 0) fail("the file is shorter than what was asked for");
    send_all(peer, std::string_view(buffer).substr(0, static_cast<std::size_t>(n)));
    position += n;
    bytes -= static_cast<std::size_t>(n);
  }
}

void serve(int peer, int file, bool copy) {
  std::string buffer(kReadBytes, '\0');
  char request[kRequestBytes];
  while (receive_all(peer, request, sizeof request)) {
    const std::int64_t position = read_i64(request);
    const std::int32_t bytes = read_i32(request + 8);
    if (position < 0 || bytes < 0) fail("no request of this tool");
    char size[kFrameSizeBytes];
    write_i32(size, bytes);
    if (send(peer, size, sizeof size, MSG_MORE | MSG_NOSIGNAL) != sizeof size) {
      fail_with_errno("cannot send");
    }
    if (copy) {
      copy_file(peer, file, position, static_cast<std::size_t>(bytes), buffer);
    } else {
      send_file(peer, file, position, static_cast<std::size_t>(bytes));
    }
  }
}

}  // namespace

int run_bytes_peer(const KafkaOptions& options) {
  const Fd file(open(options.file.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) fail_with_errno("cannot open " + options.file);
  const Fd listener = listen_on(options.port);
  while (true) {
    const Fd peer(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (peer.get() < 0) continue;
    set_no_delay(peer.get());
    try {
      serve(peer.get(), file.get(), options.copy);
    } catch (const LoadFailure& failure) {
      std::fprintf(stderr, "%s\n", failure.what());  // the next client may do better
    }
  }
}

}  // namespace runnel::bench
