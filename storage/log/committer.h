// The commit thread: the only writer of the log, and one of the three crossings between threads.
//
// Records are put into the *filling* group while the last commit runs; when it is done, the commit
// thread takes all of it at once. So a group is what queued during a flush, and nobody waits for a
// timer, unless `interval` asks for it to spare flash.
//
// Promises, each with its test in committer_test.cpp:
//   1. A group is handed back as done only after Log::commit has returned for it.
//   2. Groups are handed back in the order in which they were filled, tickets in order within.
//   3. stop() commits what was put in before, and then ends the thread.
//
// Threads: fill() on one thread (the io thread). `done` is called on the commit thread and must only
// hand the group over to the io thread, which gives it back with recycle().
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "storage/log/log.h"

namespace runnel::log {

struct CommitLimits {
  std::chrono::microseconds interval{0};      // at least this between the first record and its commit
  std::size_t group_bytes_max = 4 << 20;      // a fuller group is committed at once, and takes no more
};

class Committer {
 public:
  using Done = std::function<void(std::unique_ptr<Group>)>;

  // `log` outlives this. The thread starts with start().
  Committer(Log& log, CommitLimits limits, Done done);
  ~Committer();  // stops
  Committer(const Committer&) = delete;
  Committer& operator=(const Committer&) = delete;

  void start();

  // Access to the filling group while it lives. Keep it short: the commit thread may be waiting.
  // Everything that is put in during one Filling is committed together.
  class Filling {
   public:
    explicit Filling(Committer& committer);
    ~Filling();
    Filling(const Filling&) = delete;
    Filling& operator=(const Filling&) = delete;

    Group* operator->() { return committer_.filling_.get(); }
    Group& operator*() { return *committer_.filling_; }
    // No more records should be put in before the next commit has begun.
    [[nodiscard]] bool full() const;

   private:
    Committer& committer_;
    std::unique_lock<std::mutex> lock_;
  };

  [[nodiscard]] Filling fill() { return Filling(*this); }

  void recycle(std::unique_ptr<Group> group);

  void set_limits(CommitLimits limits);

  // Commits what is there, then ends the thread.
  void stop();
  // After stop(): commits, on the calling thread, what was filled meanwhile. Nobody is told.
  void finish();

  // Since when the thread has been in one commit; nullopt while it is not.
  [[nodiscard]] std::optional<Instant> committing_since() const;

 private:
  void run();
  bool wait_for_work(std::unique_lock<std::mutex>& lock);

  Log& log_;
  Done done_;

  std::mutex mutex_;
  std::condition_variable wake_;
  CommitLimits limits_;
  std::unique_ptr<Group> filling_;
  std::vector<std::unique_ptr<Group>> spare_;
  Instant first_fill_{};  // when the filling group got its first content
  bool waiting_ = false;  // the commit thread sleeps on wake_
  bool stopping_ = false;
  Instant maintenance_at_{};  // commit thread
  // The commit thread wants the lock: fill() lets it go first, since std::mutex promises no order.
  std::atomic<bool> wanted_{false};
  std::atomic<Instant::rep> committing_{0};  // ticks since the clock's epoch; 0: not
  std::thread thread_;
};

}  // namespace runnel::log
