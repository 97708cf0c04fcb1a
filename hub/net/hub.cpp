#include "hub/net/hub.h"

#include <algorithm>

#include <boost/asio/post.hpp>

namespace runnel::net {

namespace asio = boost::asio;

namespace {

constexpr std::chrono::milliseconds kTick{250};

}  // namespace

Hub::Hub(
    asio::io_context& io, runtime::LogClient& client, const log::Log& log, const Clock& clock
)
    : io_(io), client_(client), log_(log), clock_(clock), timer_(io) {}

void Hub::start() {
  ticking_ = true;
  tick();
}

void Hub::tick() {
  next_tick_ = clock_.now() + kTick;
  turn([this](core::Turn& t) {
    for (core::Service* s : services_) s->tick(t);
  });
  wait_for_tick(next_tick_);
}

void Hub::wait_for_tick(Instant until) {
  next_tick_ = until;
  timer_.expires_after(std::max(until - clock_.now(), Instant::duration::zero()));
  timer_.async_wait([this](const boost::system::error_code& ec) {
    if (!ec && ticking_) tick();
  });
}

void Hub::turn(const Work& work) {
  bool more = false;
  {
    auto filling = client_.fill();
    core::Turn t{
        *filling,
        client_.limits().group_bytes_max,
        clock_.now(),
        clock_.wall_ms(),
        log_.hub_ms()};
    work(t);
    for (core::Service* s : services_) more = s->run(t) || more;
    for (core::Service* s : services_) s->end(t);
  }
  flush();
  if (more && !more_posted_) {
    more_posted_ = true;
    asio::post(io_, [this] {
      more_posted_ = false;
      turn([](core::Turn&) {});
    });
  }
  for (const core::Service* s : services_) {
    const auto deadline = s->deadline();
    if (ticking_ && deadline && *deadline < next_tick_) wait_for_tick(*deadline);
  }
}

void Hub::committed(const log::Group& group) {
  turn([&](core::Turn& t) {
    for (core::Service* s : services_) s->committed(group, t);
  });
  // Whoever goes first lets its paused publishers fill the next group.
  if (services_.size() > 1) {
    std::rotate(services_.begin(), services_.begin() + 1, services_.end());
  }
}

std::unique_ptr<core::Stream> Hub::open(
    core::Service& service, Wire& wire, core::Endpoints endpoints
) {
  auto stream = service.open(&wire, std::move(endpoints), clock_.now());
  if (stream != nullptr) wires_.insert(wire.shared_from_this());
  return stream;
}

void Hub::closed(Wire& wire, std::unique_ptr<core::Stream> stream) {
  const auto keep = wire.shared_from_this();
  wires_.erase(keep);
  turn([&](core::Turn& t) {
    stream->closed(t);
    stream.reset();
  });
}

// Writing may end streams, whose wills and takeovers give others something to write: those are sent
// by the outermost call.
void Hub::flush() {
  if (flushing_) return;
  flushing_ = true;
  for (;;) {
    std::vector<std::shared_ptr<Wire>> to_flush;
    std::vector<std::shared_ptr<Wire>> to_resume;
    const auto wire_of = [](const core::Stream* stream) {
      return static_cast<Wire*>(stream->owner())->shared_from_this();
    };
    for (core::Service* s : services_) {
      for (const core::Stream* stream : s->take_ready()) to_flush.push_back(wire_of(stream));
      for (const core::Stream* stream : s->take_resumed()) to_resume.push_back(wire_of(stream));
    }
    if (to_flush.empty() && to_resume.empty()) break;
    for (const auto& wire : to_flush) wire->flush();
    for (const auto& wire : to_resume) wire->resume();
  }
  flushing_ = false;
}

void Hub::shut_down() {
  ticking_ = false;
  timer_.cancel();
  turn([this](core::Turn& t) {
    for (core::Service* s : services_) s->shut_down(t);
  });
  const auto wires = wires_;
  for (const auto& wire : wires) wire->abandon();
}

}  // namespace runnel::net
