#include "hub/kafka_broker/connection.h"

#include "hub/kafka/frame.h"
#include "hub/kafka_broker/broker.h"
#include "storage/base/logger.h"

namespace runnel::kafka {

Connection::Connection(
    Broker& broker, std::uint64_t id, void* owner, core::Endpoints endpoints
)
    : Stream(owner), broker_(broker), id_(id), endpoints_(std::move(endpoints)) {}

Connection::~Connection() {
  broker_.memory().give(request_held_ + answers_held_);
  broker_.forget(*this);
}

void Connection::receive(ByteView bytes, core::Turn& turn) {
  if (closing_) return;
  received_ += bytes.size();
  in_.append(bytes);
  if (!paused_) take(turn);
}

void Connection::resume(core::Turn& turn) {
  going_on_ = false;
  if (!paused_ || closing_) return;
  paused_ = false;
  take(turn);
  if (!paused_) broker_.resumed(*this);
}

void Connection::drained(core::Turn& turn) {
  give_back_answers();
  resume(turn);
}

void Connection::closed(core::Turn&) {
  closing_ = true;
}

void Connection::take(core::Turn& turn) {
  while (!closing_ && !paused_) {
    const ByteView rest = ByteView(in_).substr(taken_);
    const auto size = frame_bytes(rest, broker_.logins().request_bytes_max(login_));
    if (!size) {
      close(errc_of(size.error()) == Errc::too_large ? "a request is too large"
                                                     : "it does not speak Kafka");
      break;
    }
    if (!*size) break;
    if (rest.size() < kLengthBytes + **size) {
      paused_ = !may_gather(kLengthBytes + **size);
      break;
    }
    if (turn.full() || must_wait()) {
      paused_ = true;
      if (!must_wait()) go_on();
      break;
    }
    taken_ += kLengthBytes + **size;
    broker_.handle(*this, rest.substr(kLengthBytes, **size), turn);
  }
  if (taken_ > 0) gathered();
}

// A small one needs no leave. One behind a fetch that is not answered is left where it is: who holds
// memory must not wait for more of it.
bool Connection::may_gather(std::size_t bytes) {
  if (bytes <= Memory::kUncounted || request_held_ > 0) return true;
  if (asking_ || broker_.fetches().busy(id_)) return false;
  const auto have = [this, bytes] {
    request_held_ = bytes;
    in_.reserve(bytes);
  };
  if (broker_.memory().take(bytes, bytes) > 0) {
    have();
    return true;
  }
  asking_ = true;
  broker_.memory().ask(id_, bytes, bytes, [this, have](std::size_t, core::Turn&) {
    asking_ = false;
    have();
    go_on();
  });
  return false;
}

// What was in front of in_ has been handled.
void Connection::gathered() {
  in_.erase(0, taken_);
  taken_ = 0;
  if (in_.empty()) {
    Bytes().swap(in_);
  } else if (request_held_ > 0) {
    in_.shrink_to_fit();
  }
  broker_.memory().give(std::exchange(request_held_, 0));
}

// For an answer, or for what was answered to leave: both bring it on again. A fetch is worth megabytes,
// so that there is one at a time; what follows it would be answered behind it anyway.
bool Connection::must_wait() const {
  const Limits& limits = broker_.limits();
  return login_.refused || slots_.size() >= limits.requests_in_flight_max ||
         pending_bytes() >= broker_.logins().outbound_bytes_max(login_) ||
         (answers_held_ > 0 && broker_.memory().full()) || broker_.fetches().busy(id_);
}

void Connection::go_on() {
  if (going_on_) return;
  going_on_ = true;
  broker_.go_on(*this);
}

std::uint64_t Connection::reserve() {
  slots_.emplace_back();
  return first_slot_ + slots_.size() - 1;
}

void Connection::answer(std::uint64_t slot, Bytes frame) {
  RUNNEL_CHECK(slot >= first_slot_ && slot - first_slot_ < slots_.size());
  Slot& s = slots_[slot - first_slot_];
  s.ready = true;
  s.frame = std::move(frame);
  if (s.frame.size() > Memory::kUncounted) {
    answers_held_ += s.frame.size();
    broker_.memory().count(s.frame.size());
  }
  release();
  if (paused_) go_on();
}

void Connection::release() {
  bool any = false;
  while (!slots_.empty() && slots_.front().ready) {
    Bytes& frame = slots_.front().frame;
    if (!closing_) {
      if (out_.empty()) {
        out_ = std::move(frame);
      } else {
        out_.append(frame);
      }
      any = any || !out_.empty();
    }
    slots_.pop_front();
    ++first_slot_;
  }
  if (any) broker_.ready(*this);
}

// All that has left slots_ is gone.
void Connection::give_back_answers() {
  std::size_t kept = 0;
  for (const Slot& s : slots_) kept += s.frame.size() > Memory::kUncounted ? s.frame.size() : 0;
  broker_.memory().give(answers_held_ - kept);
  answers_held_ = kept;
}

bool Connection::stands_still(Instant now, std::chrono::milliseconds at_least) {
  const bool sends = in_.size() < request_held_;
  const bool takes = answers_held_ > 0 && pending_bytes() > 0;
  const auto moved = std::pair(received_, pending_bytes());
  if (!(sends || takes) || moved != moved_) {
    moved_ = moved;
    moved_at_ = now;
    return false;
  }
  return now - moved_at_ >= at_least;
}

void Connection::close(std::string_view why) {
  if (closing_) return;
  closing_ = true;
  if (!why.empty()) logger::info("kafka", logger::text("closing the connection of ", endpoints_.peer, ": ", why));
  broker_.ready(*this);
}

}  // namespace runnel::kafka
