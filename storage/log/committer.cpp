#include "storage/log/committer.h"

namespace runnel::log {
namespace {

constexpr auto kMaintenance = std::chrono::seconds(1);
constexpr std::size_t kSpareGroupsMax = 3;

}  // namespace

Committer::Filling::Filling(Committer& committer) : committer_(committer) {
  while (committer_.wanted_.load(std::memory_order_acquire)) std::this_thread::yield();
  lock_ = std::unique_lock(committer_.mutex_);
}

Committer::Filling::~Filling() {
  Committer& c = committer_;
  if (c.filling_->empty()) return;
  const bool first = c.first_fill_ == Instant{};
  if (first) c.first_fill_ = std::chrono::steady_clock::now();
  // Within an interval the thread knows when to wake, unless something has become urgent.
  const bool wake = c.waiting_ && (first || c.filling_->urgent() || full());
  lock_.unlock();
  if (wake) c.wake_.notify_one();
}

bool Committer::Filling::full() const {
  return committer_.filling_->bytes() >= committer_.limits_.group_bytes_max;
}

Committer::Committer(Log& log, CommitLimits limits, Done done)
    : log_(log), done_(std::move(done)), limits_(limits), filling_(std::make_unique<Group>()) {}

Committer::~Committer() {
  stop();
}

void Committer::start() {
  thread_ = std::thread([this] { run(); });
}

void Committer::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void Committer::finish() {
  RUNNEL_CHECK(!thread_.joinable());
  const std::lock_guard lock(mutex_);
  log_.commit(*filling_);
  filling_->clear();
}

std::optional<Instant> Committer::committing_since() const {
  const Instant::rep ticks = committing_;
  if (ticks == 0) return std::nullopt;
  return Instant(Instant::duration(ticks));
}

void Committer::set_limits(CommitLimits limits) {
  {
    const std::lock_guard lock(mutex_);
    limits_ = limits;
  }
  wake_.notify_one();  // it may wait for an interval that is now shorter
}

void Committer::recycle(std::unique_ptr<Group> group) {
  group->clear();
  const std::lock_guard lock(mutex_);
  if (spare_.size() < kSpareGroupsMax) spare_.push_back(std::move(group));
}

// Returns when the filling group should be committed (true), or for maintenance or the end (false).
bool Committer::wait_for_work(std::unique_lock<std::mutex>& lock) {
  for (;;) {
    const bool some = !filling_->empty();
    if (stopping_) return some;
    Instant until = maintenance_at_;
    if (some) {
      const auto due = first_fill_ + limits_.interval;
      const bool now = limits_.interval.count() == 0 || filling_->urgent() ||
                       filling_->bytes() >= limits_.group_bytes_max ||
                       std::chrono::steady_clock::now() >= due;
      if (now) return true;
      until = std::min(until, due);
    }
    waiting_ = true;
    const bool timed_out = wake_.wait_until(lock, until) == std::cv_status::timeout;
    waiting_ = false;
    if (timed_out && until == maintenance_at_) return false;
  }
}

void Committer::run() {
  maintenance_at_ = std::chrono::steady_clock::now() + kMaintenance;
  for (;;) {
    std::unique_ptr<Group> group;
    wanted_.store(true, std::memory_order_release);
    {
      std::unique_lock lock(mutex_);
      wanted_.store(false, std::memory_order_release);
      if (wait_for_work(lock)) {
        group = std::move(filling_);
        if (spare_.empty()) {
          filling_ = std::make_unique<Group>();
        } else {
          filling_ = std::move(spare_.back());
          spare_.pop_back();
        }
        first_fill_ = Instant{};
      } else if (stopping_) {
        return;
      }
    }
    if (group != nullptr) {
      committing_ = std::chrono::steady_clock::now().time_since_epoch().count();
      log_.commit(*group);
      committing_ = 0;
      done_(std::move(group));
    }
    // Steady traffic must not put maintenance off for ever.
    if (const Instant now = std::chrono::steady_clock::now(); now >= maintenance_at_) {
      committing_ = now.time_since_epoch().count();  // it writes and flushes too
      log_.maintain();
      committing_ = 0;
      maintenance_at_ = now + kMaintenance;
    }
  }
}

}  // namespace runnel::log
