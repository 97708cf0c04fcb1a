// The hub of a simulated run: the real Broker over the real log, in one thread. What the io thread,
// the commit thread, the reading thread and the sockets do by themselves in the daemon happens here
// when the simulation says so.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "hub/broker/broker.h"
#include "hub/core/topics.h"
#include "tests/simulation/ledger.h"
#include "tests/support/manual_clock.h"

namespace runnel::simulation {

// A TCP connection: two streams of bytes that are on their way.
struct Link {
  std::unique_ptr<core::Stream> connection;  // the hub's end; gone when the hub has closed it
  Bytes to_hub;
  Bytes to_client;
  bool cut = false;        // the client's end is gone
  std::uint32_t life = 0;  // how many times the hub at its other end had started
};

using LinkPtr = std::shared_ptr<Link>;

struct HubOptions {
  log::LogOptions log;
  broker::Limits limits;
  std::size_t group_bytes_max = 16 * 1024;
  std::uint32_t partitions = 1;
};

class Hub final : private broker::BlockReader {
 public:
  Hub(HubOptions options, Ledger& ledger);
  ~Hub() override;

  LinkPtr connect();

  // Each does one thing if there is one to do, and says whether there was.
  bool receive(Link& link, std::size_t bytes);  // takes bytes from the client
  bool notice_cut(Link& link);                  // finds that the client's end is gone
  bool commit();                                // as the commit thread
  bool settle();                                // a finished commit comes back to the io thread
  bool read();                                  // as the reading thread
  bool run();                                   // the io thread's own turn for readers behind
  void tick(std::chrono::milliseconds later);
  // The client has taken bytes out of `to_client`.
  void client_read(Link& link);

  // The process dies and starts again. What it has sent may still arrive.
  void crash();

  [[nodiscard]] std::vector<LinkPtr>& links() { return links_; }

  [[nodiscard]] const log::Log& log() const { return *log_; }

  [[nodiscard]] const broker::Broker& broker() const { return *broker_; }

  [[nodiscard]] test::ManualClock& clock() { return clock_; }

  // Changes a state row behind the broker's back.
  void put_state(ByteView name, ByteView value);
  // Deletes the records of a partition in front of `start`.
  void trim(PartitionId partition, Offset start);
  // Sizes of the state rows of a kind, by name.
  [[nodiscard]] std::map<std::string, std::size_t> rows(const std::string& kind) const;

 private:
  void start();
  void turn(const std::function<void(core::Turn&)>& work);
  core::Turn make_turn(log::Group& group) const;
  void flush();
  void close(Link& link);

  void read(Position position) override { reads_.push_back(position); }

  void seek(const Seek& seek) override { seeks_.push_back(seek); }

  [[nodiscard]] Position first() const override { return log_->first(); }

  [[nodiscard]] std::shared_ptr<const log::Trims> trims() const override { return log_->trims(); }

  [[nodiscard]] Position skip_damaged(Position position) const override {
    return log_->skip_damaged(position);
  }

  HubOptions options_;
  Ledger& ledger_;
  test::ManualClock clock_;
  std::unique_ptr<log::Log> log_;
  core::Topics topics_;
  std::optional<core::Routes> routes_;
  core::Replicas replicas_;
  std::unique_ptr<broker::Broker> broker_;
  std::unique_ptr<log::Group> filling_;
  std::deque<std::unique_ptr<log::Group>> done_;
  std::deque<Position> reads_;
  std::deque<Seek> seeks_;
  std::vector<LinkPtr> links_;
  std::uint32_t lives_ = 0;
  bool more_ = false;
  bool flushing_ = false;
};

}  // namespace runnel::simulation
