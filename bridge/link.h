// One link at work: a thread that connects, sends while schedule and budget let it, and tells how far
// behind it is. It keeps trying whatever goes wrong, with one back-off for its destination.
//
// Threads: made and used by the io thread; its own thread reads the log and speaks to the destination.
// What passes between the two is here, behind one mutex that nobody holds while anything takes long.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "bridge/backoff.h"
#include "bridge/budget.h"
#include "bridge/link_spec.h"
#include "bridge/parcel.h"
#include "bridge/positions.h"
#include "bridge/uplink.h"
#include "storage/base/clock.h"

namespace runnel::bridge {

class KafkaDestination;

// What every link of a hub needs. All outlive the links.
struct Surroundings {
  const log::Log& log;
  const Clock& clock;
  std::string name;    // what others call this hub
  std::string log_id;  // of this hub's log alone: another log begins anew
  std::size_t record_bytes_max = 0;  // that one commit can hold
  std::function<void()> poke;        // makes the io thread look for parcels; any thread
};

// What a link knows of itself over restarts.
struct Memory {
  Positions positions;
  Budget::Day day;
  std::uint64_t gaps = 0;

  bool operator==(const Memory&) const = default;
};

struct LinkStatus {
  enum class State : std::uint8_t { connecting, online, waiting, paused, off_schedule, day_spent };

  std::string name;
  LinkSpec::Direction direction = LinkSpec::Direction::up;
  State state = State::connecting;
  std::string why;  // of not being online
  LinkSpec::Delivery delivery = LinkSpec::Delivery::exactly_once;
  std::string destination;  // its cluster id, once known
  Tally::Counters counters;
  std::uint64_t gaps_ever = 0;  // also before this process began
  std::vector<Tally::Gap> gaps;
  std::vector<std::string> troubles;
  Uplink::Lag lag;
  std::uint64_t wire_bytes = 0;  // since the process began
  std::optional<std::uint64_t> day_left;
};

std::string_view name_of(LinkStatus::State state);

class Link {
 public:
  // `number` is the owner's own, which number() gives back.
  Link(
      LinkSpec spec,
      const Surroundings& around,
      Memory memory,
      Sources sources,
      std::uint64_t number
  );
  ~Link();

  [[nodiscard]] const LinkSpec& spec() const { return spec_; }
  [[nodiscard]] std::uint64_t number() const { return number_; }

  // Ends the thread, sooner or later; finished() says when it is over.
  void stop();
  [[nodiscard]] bool finished() const { return finished_.load(); }
  // Waits for that.
  void join();

  // The log has more.
  void wake();
  void set_sources(Sources sources);

  // What the link wants stored, if it wants something. It must be told stored(), and does not end
  // before.
  std::optional<Parcel> take_parcel();
  void stored(bool it_was);
  // Something is wanted stored, or is being stored: memory() is about to change with it.
  [[nodiscard]] bool delivering() const;

  [[nodiscard]] LinkStatus status() const;
  [[nodiscard]] Memory memory() const;

 private:
  using Clk = std::chrono::steady_clock;

  // After lag, troubles and what the wire took.
  static constexpr std::chrono::milliseconds kLookEvery{1000};

  void run();
  void one_life();
  void live_upwards();
  void live_downwards();
  void live_as_mirror();
  bool deliver(Parcel& parcel);
  void work(Uplink& uplink, KafkaDestination& destination);
  bool take_turn(Uplink& uplink, KafkaDestination& destination);
  bool may_not_run();
  void meter(std::uint64_t now);
  Sources take_sources();
  void publish(const Positions& positions, const std::vector<std::string>& troubles = {});
  void publish_lag(const Uplink::Lag& lag);
  void look_after(Uplink& uplink, KafkaDestination& destination);
  void say(LinkStatus::State state, const std::string& why = {});
  void failed(const Failure& failure);
  bool rest(std::chrono::milliseconds most, bool for_records);
  [[nodiscard]] bool stopping() const { return stop_.load(); }
  [[nodiscard]] std::string id() const;
  void learn(std::uint64_t bytes, std::uint64_t wire, std::chrono::duration<double> took);
  [[nodiscard]] std::size_t next_bytes() const;

  const LinkSpec spec_;
  const Surroundings& around_;
  const std::uint64_t number_;

  // Of the thread.
  Backoff backoff_;
  Budget budget_;
  Tally tally_;
  Positions positions_;
  const std::uint64_t gaps_before_;
  double size_;  // of a transaction that takes as long as one should
  double rounds_s_ = 0;  // what one takes that holds next to nothing
  bool transactions_;
  std::uint64_t metered_ = 0;  // of the destination in hand
  std::uint64_t wire_bytes_ = 0;
  double wire_per_byte_ = 1;   // what of a record's bytes goes over the wire, packed
  Clk::time_point aged_{};
  Clk::time_point looked_{};
  Clk::time_point retried_{};
  Clk::time_point online_since_{};

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool woken_ = false;
  bool new_sources_ = false;
  Sources sources_;
  std::optional<Parcel> parcel_;
  std::optional<bool> stored_;
  bool delivering_ = false;
  LinkStatus status_;
  Memory memory_;
  std::atomic<bool> stop_ = false;
  std::atomic<bool> finished_ = false;
  std::thread thread_;  // last: it uses the rest
};

}  // namespace runnel::bridge
