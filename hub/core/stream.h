// The hub's end of a byte stream, whatever is spoken on it: bytes go in during turns, bytes come out.
// A door carries them; it knows nothing else of a connection.
//
// Threads: one, the io thread.
#pragma once

#include "hub/core/turn.h"
#include "storage/base/bytes.h"

namespace runnel::core {

class Stream {
 public:
  // `owner` is the door's own.
  explicit Stream(void* owner) : owner_(owner) {}
  virtual ~Stream() = default;
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  // Bytes from the peer. Keeps what is not a whole packet yet. Does nothing once closing().
  virtual void receive(ByteView bytes, Turn& turn) = 0;
  // The network is gone, or the door has closed it.
  virtual void closed(Turn& turn) = 0;
  // All output has been written: it may give more.
  virtual void drained(Turn& turn) = 0;
  // Whether it matters to anybody that the output has been written.
  [[nodiscard]] virtual bool wants_drained() const = 0;

  // The door takes the output, writes it, and tells how much it has not got rid of.
  [[nodiscard]] Bytes& out() { return out_; }
  void set_unsent(std::size_t bytes) { unsent_ = bytes; }
  [[nodiscard]] std::size_t pending_bytes() const { return out_.size() + unsent_; }
  // The door should close once the output is written.
  [[nodiscard]] bool closing() const { return closing_; }
  // The door should not read for now.
  [[nodiscard]] bool paused() const { return paused_; }
  [[nodiscard]] void* owner() const { return owner_; }

 protected:
  Bytes out_;
  std::size_t unsent_ = 0;
  bool closing_ = false;
  bool paused_ = false;

 private:
  void* owner_;
};

}  // namespace runnel::core
