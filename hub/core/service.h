// A protocol's broker, as the hub's turns see it: streams and finished commits go in, work for the
// next commit comes out. Whoever makes the turns knows services by this alone.
//
// Threads: one, the io thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "hub/core/stream.h"

namespace runnel::core {

// What a stream was opened on.
struct Endpoints {
  std::string peer;        // "10.0.0.7:51234", for logs
  std::string local_host;  // the address that the peer reached us by
  std::uint16_t local_port = 0;
};

class Service {
 public:
  virtual ~Service() = default;

  // `owner` is the door's own, which Stream::owner() gives back. nullptr: there is no room.
  virtual std::unique_ptr<Stream> open(void* owner, Endpoints endpoints, Instant now) = 0;
  // The streams that have output or want to be closed, each once; to be asked after every call.
  virtual std::vector<Stream*> take_ready() = 0;
  // The streams that were paused and may be read from again.
  virtual std::vector<Stream*> take_resumed() = 0;

  // A group came back from the commit thread: its outcome is set.
  virtual void committed(const log::Group& group, Turn& turn) = 0;
  // Deadlines: about four times a second, and soon after deadline().
  virtual void tick(Turn& turn) = 0;
  [[nodiscard]] virtual std::optional<Instant> deadline() const { return std::nullopt; }
  // Work that was put off. True: there is more to do at once.
  virtual bool run(Turn& turn) = 0;
  // The end of a turn: the last that is put into its group.
  virtual void end(Turn& turn) = 0;
  // Says goodbye to all peers, writes down all progress. Streams close afterwards.
  virtual void shut_down(Turn& turn) = 0;
};

}  // namespace runnel::core
