#include "hub/broker/feed.h"

#include <algorithm>

namespace runnel::broker {
namespace {

// Blocks served in one run before others get their turn.
constexpr int kBlocksPerRun = 16;

}  // namespace

// Which records of one block have been trimmed.
class Feed::Hidden {
 public:
  Hidden(const BlockReader& reader, const log::Block& block) {
    const auto trims = reader.trims();
    if (trims != nullptr && !trims->empty()) ranges_ = trims->hidden(block.head());
  }

  // How many from `index` on, without a gap; 0: this one is there.
  [[nodiscard]] std::uint32_t from(std::uint64_t index) const {
    for (const auto& [first, end] : ranges_) {
      if (index >= first && index < end) return end - static_cast<std::uint32_t>(index);
    }
    return 0;
  }

 private:
  std::vector<std::pair<std::uint32_t, std::uint32_t>> ranges_;
};

Feed::Feed(BlockReader& reader, Fanout& fanout, Position head, std::size_t cache_bytes_max)
    : reader_(reader), fanout_(fanout), head_(head), cache_bytes_max_(cache_bytes_max) {}

void Feed::offer(const log::BlockPtr& block, Turn& turn) {
  head_ = block->end();
  if (!fanout_.anybody()) return;
  remember(block);
  const Hidden hidden(reader_, *block);
  for (std::uint32_t i = 0; i < block->records(); ++i) {
    if (hidden.from(i) == 0) fanout_.fan_out(block, i, turn);
  }
}

void Feed::fall_behind(LogReader& reader, Position position) {
  RUNNEL_CHECK(reader.tailing_);
  reader.set_tailing(false);
  reader.cursor_ = position;
}

void Feed::place(LogReader& reader, Position position) {
  forget(reader);
  reader.cursor_ = std::min(reader.next_wanted(position), head_);
  reader.set_tailing(reader.cursor_ == head_);
}

void Feed::place_behind(LogReader& reader, Position position) {
  forget(reader);
  reader.cursor_ = std::min(position, head_);
  reader.set_tailing(false);
}

void Feed::want(LogReader& reader) {
  if (reader.tailing_ || reader.queued_ || !reader.ready()) return;
  if (reader.cursor_ >= head_) {
    reader.set_tailing(true);
    return;
  }
  enqueue(reader);
}

void Feed::enqueue(LogReader& reader) {
  reader.queued_ = true;
  queue_[reader.cursor_].push_back(&reader);
}

void Feed::forget(LogReader& reader) {
  if (!reader.queued_) return;
  reader.queued_ = false;
  const auto found = queue_.find(reader.cursor_);
  RUNNEL_CHECK(found != queue_.end());
  std::erase(found->second, &reader);
  if (found->second.empty()) queue_.erase(found);
}

void Feed::skip(LogReader& reader, Position to) {
  if (to > reader.cursor_) reader.missed(to.value - reader.cursor_.value);
  reader.cursor_ = std::max(reader.cursor_, to);
}

void Feed::answer(Position position, Result<log::BlockPtr> block, Turn& turn) {
  reading_ = false;
  if (block) {
    remember(*block);
    serve(*block, turn);
    return;
  }
  // Retired while we asked, or damaged: those who wait for it go on behind it.
  Position to = reader_.first();
  if (to <= position) to = reader_.skip_damaged(position);
  std::vector<LogReader*> waiting;
  for (auto it = queue_.begin(); it != queue_.end() && it->first < to;) {
    if (it->first < position) {
      ++it;
      continue;
    }
    waiting.insert(waiting.end(), it->second.begin(), it->second.end());
    it = queue_.erase(it);
  }
  for (LogReader* reader : waiting) {
    reader->queued_ = false;
    skip(*reader, to);
    want(*reader);
  }
}

void Feed::serve(const log::BlockPtr& block, Turn& turn) {
  std::vector<LogReader*> waiting;
  auto it = queue_.lower_bound(block->first());
  while (it != queue_.end() && it->first < block->end()) {
    waiting.insert(waiting.end(), it->second.begin(), it->second.end());
    it = queue_.erase(it);
  }
  sweep_ = block->end();
  const Hidden hidden(reader_, *block);
  for (LogReader* reader : waiting) {
    reader->queued_ = false;
    Position at = reader->cursor_;
    bool taken = true;
    while (at < block->end()) {
      const std::uint64_t index = at.value - block->first().value;
      if (const std::uint32_t gone = hidden.from(index); gone > 0) {
        reader->cursor_ = at;
        reader->trimmed(gone);
        at = reader->next_wanted(Position(at.value + gone));
        continue;
      }
      taken = reader->offer(block, static_cast<std::uint32_t>(index), turn);
      if (!taken) break;
      at = reader->next_wanted(Position(at.value + 1));
    }
    reader->cursor_ = std::min(at, head_);
    if (taken) want(*reader);
  }
}

bool Feed::run(Turn& turn) {
  for (int i = 0; i < kBlocksPerRun; ++i) {
    if (queue_.empty()) return false;
    const Position first = reader_.first();
    if (queue_.begin()->first < first) {
      std::vector<LogReader*> late = std::move(queue_.begin()->second);
      queue_.erase(queue_.begin());
      for (LogReader* reader : late) {
        reader->queued_ = false;
        skip(*reader, first);
        want(*reader);
      }
      continue;
    }
    auto next = queue_.lower_bound(sweep_);
    if (next == queue_.end()) next = queue_.begin();
    if (const log::BlockPtr block = cached(next->first)) {
      serve(block, turn);
      continue;
    }
    if (reading_) return false;
    reading_ = true;
    reader_.read(next->first);
    return false;
  }
  return !queue_.empty();
}

log::BlockPtr Feed::cached(Position position) const {
  auto it = cache_.upper_bound(position);
  if (it == cache_.begin()) return nullptr;
  --it;
  return position < it->second->end() ? it->second : nullptr;
}

void Feed::remember(const log::BlockPtr& block) {
  if (!cache_.emplace(block->first(), block).second) return;
  age_.push_back(block->first());
  cache_bytes_ += block->size();
  while (cache_bytes_ > cache_bytes_max_ && age_.size() > 1) {
    const auto oldest = cache_.find(age_.front());
    cache_bytes_ -= oldest->second->size();
    cache_.erase(oldest);
    age_.pop_front();
  }
}

}  // namespace runnel::broker
