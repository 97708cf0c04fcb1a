// Brings the log to those who read it in commit order: MQTT sessions and shared subscription groups.
//
// A reader is *tailing* when it has been offered everything that is durable: new blocks are matched
// against the subscription tree once, and handed to the tailing readers that want them. A reader that
// cannot take a record (its window or buffer is full, or its client is away) stops tailing and keeps
// a cursor: one position. When it can go on, it reads the log from there, in blocks, until it has
// caught up.
//
// Readers that wait for the same block are served by one read of it, and blocks are read in rising
// order (as an elevator goes): a thousand sessions that come back together cost one pass over the
// log, not a thousand.
//
// Threads: one, the io thread. Reading is done elsewhere: BlockReader.
#pragma once

#include <deque>
#include <map>
#include <vector>

#include "hub/core/turn.h"
#include "storage/log/block.h"
#include "storage/log/trims.h"

namespace runnel::broker {

using core::Turn;

// Reads one block outside the io thread and answers with Feed::answer.
class BlockReader {
 public:
  virtual ~BlockReader() = default;
  virtual void read(Position position) = 0;
  // Where the log begins, and the first readable block behind a damaged one.
  [[nodiscard]] virtual Position first() const = 0;
  [[nodiscard]] virtual Position skip_damaged(Position position) const = 0;

  // Where a replay begins. `ticket` is the asker's own.
  struct Seek {
    std::uint64_t ticket = 0;
    std::optional<PartitionId> partition;  // unset: by time
    Offset offset{};
    std::int64_t time_ms = 0;
  };

  // Looks for it outside the io thread and answers with Broker::sought.
  virtual void seek(const Seek& seek) = 0;

  // What nobody may read any more; nullptr: there is nothing of the kind.
  [[nodiscard]] virtual std::shared_ptr<const log::Trims> trims() const { return nullptr; }
};

class LogReader {
 public:
  virtual ~LogReader() = default;

  // Offers one record to a reader that is behind. False: it cannot take it now; it will call
  // Feed::want() when it can.
  virtual bool offer(const log::BlockPtr& block, std::uint32_t index, Turn& turn) = 0;
  // Whether it makes sense to read for it at all now.
  [[nodiscard]] virtual bool ready() const = 0;
  // Records that retention (or damage) took before this reader came to them.
  virtual void missed(std::uint64_t records) = 0;
  // The records from cursor() on were trimmed: deleted on request, or with their topic, or too old for
  // it. Who owes none of them in particular need not care; the log counts them.
  virtual void trimmed(std::uint64_t) {}
  // It began or ceased to be tailing: what is on disk about it says the other.
  virtual void position_changed() {}
  // For a reader that wants a few positions only: the first one from `from` on, or any position at
  // or behind the head when it wants nothing more.
  [[nodiscard]] virtual Position next_wanted(Position from) const { return from; }

  [[nodiscard]] bool tailing() const { return tailing_; }
  // The first position that it has not been offered. Means nothing while it is tailing.
  [[nodiscard]] Position cursor() const { return cursor_; }

 private:
  friend class Feed;
  Position cursor_{};
  bool tailing_ = true;
  bool queued_ = false;

  void set_tailing(bool tailing) {
    if (tailing_ == tailing) return;
    tailing_ = tailing;
    position_changed();
  }
};

class Feed {
 public:
  // Called for each new record that may be wanted; the broker matches it to the tailing readers.
  class Fanout {
   public:
    virtual ~Fanout() = default;
    [[nodiscard]] virtual bool anybody() const = 0;
    virtual void fan_out(const log::BlockPtr& block, std::uint32_t index, Turn& turn) = 0;
  };

  Feed(BlockReader& reader, Fanout& fanout, Position head, std::size_t cache_bytes_max);

  // Everything below has been offered to the tailing readers.
  [[nodiscard]] Position head() const { return head_; }

  // A block that has just become durable.
  void offer(const log::BlockPtr& block, Turn& turn);

  // A reader that was tailing could not take the record at `position`.
  void fall_behind(LogReader& reader, Position position);
  // Sets a reader to a position; below the head it is behind.
  void place(LogReader& reader, Position position);
  // The same for a reader that cannot take anything for now: it is behind even at the head.
  void place_behind(LogReader& reader, Position position);
  // A reader that is behind can go on.
  void want(LogReader& reader);
  // It goes away, or cannot go on for now.
  void forget(LogReader& reader);

  // Answers of the BlockReader.
  void answer(Position position, Result<log::BlockPtr> block, Turn& turn);

  // Serves readers from blocks in memory, asks for one that is not. Returns true when there is more
  // to do at once: call again soon, after others have had their turn.
  bool run(Turn& turn);

 private:
  class Hidden;
  void serve(const log::BlockPtr& block, Turn& turn);
  void enqueue(LogReader& reader);
  [[nodiscard]] log::BlockPtr cached(Position position) const;
  void remember(const log::BlockPtr& block);
  void skip(LogReader& reader, Position to);

  BlockReader& reader_;
  Fanout& fanout_;
  Position head_;
  std::size_t cache_bytes_max_;
  std::map<Position, std::vector<LogReader*>> queue_;
  Position sweep_{};       // the elevator
  bool reading_ = false;   // one read at a time
  std::map<Position, log::BlockPtr> cache_;
  std::deque<Position> age_;  // of the cache, oldest first
  std::size_t cache_bytes_ = 0;
};

}  // namespace runnel::broker
