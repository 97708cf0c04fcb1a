#include "hub/kafka_broker/fetches.h"

#include <algorithm>
#include <utility>

#include "hub/kafka_broker/broker.h"
#include "storage/log/batch_head.h"

namespace runnel::kafka {
namespace {

// Waits that end within this of each other end together: one turn for all of them.
constexpr std::chrono::milliseconds kSlack{10};

constexpr std::size_t kOffsetsBytesMax = 256 << 10;  // of what groups have committed

std::size_t positive(std::int32_t bytes) {
  return static_cast<std::size_t>(std::max(bytes, 0));
}

// Whether there are more batches up to `end` than these.
bool stop_before(ByteView batches, Offset end) {
  Offset next = end;
  while (!batches.empty()) {
    const auto head = log::read_batch_head(batches);
    RUNNEL_CHECK(head && head->bytes <= batches.size());
    next = Offset(head->base.value + head->last_offset_delta + 1);
    batches.remove_prefix(head->bytes);
  }
  return next < end;
}

}  // namespace

void Fetches::handle(const Call& call, const FetchRequest& request, core::Turn& turn) {
  const Limits& limits = broker_.limits();
  auto fetch = std::make_unique<Fetch>();
  fetch->call = call;
  const std::chrono::milliseconds wait(std::max(request.max_wait_ms, 0));
  fetch->until = turn.now + std::min(wait, limits.fetch_wait_max);
  fetch->isolation = request.isolation_level == 1 ? log::Isolation::read_committed
                                                  : log::Isolation::read_uncommitted;
  fetch->wanted = std::min(positive(request.max_bytes), limits.fetch_bytes_max);
  fetch->bytes_min = std::min(positive(request.min_bytes), std::max<std::size_t>(fetch->wanted, 1));
  look_up(*fetch, request);
  const auto [at, added] = fetches_.emplace(call.connection, std::move(fetch));
  RUNNEL_CHECK(added);
  begin(*at->second, turn);
}

void Fetches::look_up(Fetch& fetch, const FetchRequest& request) const {
  std::size_t count = 0;
  for (const auto& topic : request.topics) count += topic.partitions.size();
  fetch.partitions.reserve(count);
  const bool by_id = fetch.call.version >= kFetchById;
  for (const auto& topic : request.topics) {
    const Text name = by_id ? broker_.topic_of(topic.id) : topic.name;
    fetch.topics.push_back({std::string(name), topic.id});
    for (const FetchRequest::Partition& asked : topic.partitions) {
      Partition p;
      p.topic = fetch.topics.size() - 1;
      p.index = asked.index;
      p.offset = Offset(asked.fetch_offset);
      p.bytes_max = positive(asked.partition_max_bytes);
      const bool offsets = by_id && request.replica_id >= 0 && topic.id == kGroupOffsetsId;
      const PartitionId* id = offsets ? &core::kGroupOffsets : broker_.partition(name, asked.index);
      if (by_id && name.empty() && !offsets) {
        p.error = ErrorCode::unknown_topic_id;
      } else if (id == nullptr) {
        p.error = ErrorCode::unknown_topic_or_partition;
      } else if (asked.current_leader_epoch > kLeaderEpoch) {
        p.error = ErrorCode::unknown_leader_epoch;
      } else {
        p.id = *id;
      }
      fetch.failed = fetch.failed || p.error != ErrorCode::none;
      fetch.partitions.push_back(std::move(p));
    }
  }
}

log::PartitionRange Fetches::range(PartitionId partition) const {
  if (partition != core::kGroupOffsets) return broker_.log().range(partition);
  const Offset end = broker_.offset_feed().end();
  return {Offset(0), end, end};
}

// Where the ends are now, and the first read that is worth while.
void Fetches::begin(Fetch& fetch, core::Turn& turn) {
  fetch.next = 0;
  fetch.read = 0;
  fetch.full = false;
  for (Partition& p : fetch.partitions) {
    p.batches.clear();
    p.aborted.clear();
    if (p.error != ErrorCode::none) continue;
    p.range = range(p.id);
    if (p.id == core::kGroupOffsets) p.offset = broker_.offset_feed().start(p.offset);
    if (p.offset < p.range.log_start || p.offset > p.range.high_watermark) {
      p.error = ErrorCode::offset_out_of_range;
      fetch.failed = true;
    }
  }
  read_on(fetch, turn);
}

void Fetches::read_on(Fetch& fetch, core::Turn& turn) {
  for (; fetch.next < fetch.partitions.size(); ++fetch.next) {
    const Partition& p = fetch.partitions[fetch.next];
    if (p.error != ErrorCode::none || p.offset >= fetch.end(p.range)) continue;
    if (fetch.granted == 0 && !ask(fetch)) return;
    if (fetch.read > 0 && fetch.read >= fetch.bytes_max) {
      fetch.full = true;
      break;
    }
    const std::size_t room = fetch.bytes_max - std::min(fetch.read, fetch.bytes_max);
    if (p.id == core::kGroupOffsets) {
      Fetches::Partition& offsets = fetch.partitions[fetch.next];
      // No offset that is told may be behind an end that is told.
      for (Partition& each : fetch.partitions) {
        if (each.error == ErrorCode::none) each.range = range(each.id);
      }
      const std::size_t most = std::min({room, p.bytes_max, kOffsetsBytesMax});
      offsets.batches = broker_.offset_feed().read(p.offset, most);
      fetch.read += offsets.batches.size();
      continue;
    }
    const std::uint64_t connection = fetch.call.connection;
    const auto done = [this, connection](Result<log::Fetched> fetched, core::Turn& t) {
      got(connection, std::move(fetched), t);
    };
    return reader_.read(p.id, p.offset, std::min(room, p.bytes_max), fetch.isolation, done);
  }
  finish(fetch, turn);
}

// Enough for the one batch that is always sent, as far as it can be known.
bool Fetches::ask(Fetch& fetch) {
  const std::uint64_t connection = fetch.call.connection;
  const std::size_t least =
      std::clamp<std::size_t>(fetch.wanted, 1, broker_.limits().message_bytes_max);
  const auto have = [](Fetch& f, std::size_t bytes) {
    f.granted = bytes;
    f.bytes_max = std::min(f.wanted, bytes);
  };
  if (const std::size_t bytes = broker_.memory().take(least, fetch.wanted); bytes > 0) {
    have(fetch, bytes);
    return true;
  }
  broker_.memory().ask(connection, least, fetch.wanted, [=, this](std::size_t bytes, core::Turn& turn) {
    Fetch& waited = *fetches_.at(connection);
    have(waited, bytes);
    read_on(waited, turn);
  });
  return false;
}

void Fetches::give_back(Fetch& fetch) {
  broker_.memory().give(std::exchange(fetch.granted, 0));
}

void Fetches::got(std::uint64_t connection, Result<log::Fetched> fetched, core::Turn& turn) {
  const auto found = fetches_.find(connection);
  if (found == fetches_.end()) return;
  Fetch& fetch = *found->second;
  Partition& p = fetch.partitions[fetch.next];
  if (p.error != ErrorCode::none) {  // the topic was deleted while it was read
    ++fetch.next;
    return read_on(fetch, turn);
  }
  if (fetched) {
    p.range = fetched->range;
    // A client that got nothing would ask for the same again, for ever.
    const bool passed_over = fetched->batches.empty() && fetched->next > p.offset;
    if (passed_over) fetched->batches = log::empty_batch(p.offset, fetched->next);
    fetch.full = fetch.full || passed_over;
    // Only the first batch of an answer may be larger than what was asked for.
    const bool fits = fetch.read == 0 || fetch.read + fetched->batches.size() <= fetch.bytes_max;
    fetch.full = fetch.full || !fits || stop_before(fetched->batches, fetch.end(fetched->range));
    if (!fits) return send(fetch);
    p.batches = std::move(fetched->batches);
    p.aborted = std::move(fetched->aborted);
    fetch.read += p.batches.size();
    if (fetch.read > fetch.granted) {
      broker_.memory().count(fetch.read - fetch.granted);
      fetch.granted = fetch.read;
    }
  } else {
    const bool gone = errc_of(fetched.error()) == Errc::not_found;
    p.error = gone ? ErrorCode::offset_out_of_range : ErrorCode::kafka_storage_error;
    if (gone) p.range = broker_.log().range(p.id);
    fetch.failed = true;
  }
  ++fetch.next;
  read_on(fetch, turn);
}

void Fetches::finish(Fetch& fetch, core::Turn& turn) {
  const bool done = fetch.failed || fetch.full || fetch.read >= fetch.bytes_min;
  if (done || fetch.until <= turn.now) return send(fetch);
  if (more_came(fetch)) return begin(fetch, turn);
  wait(fetch);
}

// While it was read, that is, when nobody would have woken it.
bool Fetches::more_came(const Fetch& fetch) const {
  return std::any_of(fetch.partitions.begin(), fetch.partitions.end(), [&](const Partition& p) {
    return more_came(fetch, p);
  });
}

bool Fetches::more_came(const Fetch& fetch, const Partition& p) const {
  return fetch.end(range(p.id)) > fetch.end(p.range);
}

void Fetches::wait(Fetch& fetch) {
  fetch.arrived = fetch.read;
  fetch.deadline = deadlines_.emplace(fetch.until, &fetch);
  fetch.waiting = true;
  for (std::size_t i = 0; i < fetch.partitions.size(); ++i) {
    Partition& p = fetch.partitions[i];
    Bytes().swap(p.batches);
    fetch.waiters.push_back(by_partition_.emplace(p.id, Waiter{&fetch, i}));
  }
  give_back(fetch);
}

void Fetches::stop_waiting(Fetch& fetch) {
  if (!fetch.waiting) return;
  fetch.waiting = false;
  deadlines_.erase(fetch.deadline);
  for (const auto& waiter : fetch.waiters) by_partition_.erase(waiter);
  fetch.waiters.clear();
}

void Fetches::gone(const std::vector<PartitionId>& partitions) {
  std::vector<Fetch*> due;
  for (const auto& [connection, fetch] : fetches_) {
    bool hit = false;
    for (Partition& p : fetch->partitions) {
      const bool mine = std::find(partitions.begin(), partitions.end(), p.id) != partitions.end();
      if (!mine || p.error != ErrorCode::none) continue;
      hit = true;
      p.error = fetch->call.version >= kFetchById ? ErrorCode::unknown_topic_id
                                                   : ErrorCode::unknown_topic_or_partition;
      fetch->read -= p.batches.size();
      Bytes().swap(p.batches);
    }
    fetch->failed = fetch->failed || hit;
    if (hit && fetch->waiting) due.push_back(fetch.get());
  }
  for (Fetch* fetch : due) {
    stop_waiting(*fetch);
    send(*fetch);
  }
}

void Fetches::committed(const log::Group& group, core::Turn& turn) {
  if (by_partition_.empty()) return;
  std::set<Fetch*> due;
  for (const log::BlockPtr& block : group.outcome.blocks) {
    for (const log::BlockEntry& e : block->head().entries) {
      const auto [first, last] = by_partition_.equal_range(e.partition);
      for (auto it = first; it != last; ++it) {
        Fetch& fetch = *it->second.fetch;
        fetch.arrived += e.bytes;
        if (fetch.arrived < fetch.bytes_min || due.contains(&fetch)) continue;
        if (more_came(fetch, fetch.partitions[it->second.partition])) due.insert(&fetch);
      }
    }
  }
  wake(due, turn);
}

void Fetches::offsets_changed(core::Turn& turn) {
  std::set<Fetch*> due;
  const auto [first, last] = by_partition_.equal_range(core::kGroupOffsets);
  for (auto it = first; it != last; ++it) due.insert(it->second.fetch);
  wake(due, turn);
}

void Fetches::wake(const std::set<Fetch*>& due, core::Turn& turn) {
  for (Fetch* fetch : due) {
    stop_waiting(*fetch);
    begin(*fetch, turn);
  }
}

// What is there is sent, though it is less than was asked for.
void Fetches::tick(core::Turn& turn) {
  while (!deadlines_.empty() && deadlines_.begin()->first <= turn.now + kSlack) {
    Fetch& fetch = *deadlines_.begin()->second;
    stop_waiting(fetch);
    fetch.until = turn.now;
    begin(fetch, turn);
  }
}

std::optional<Instant> Fetches::deadline() const {
  if (deadlines_.empty()) return std::nullopt;
  return deadlines_.begin()->first;
}

void Fetches::forget(std::uint64_t connection) {
  const auto found = fetches_.find(connection);
  if (found == fetches_.end()) return;
  stop_waiting(*found->second);
  give_back(*found->second);
  fetches_.erase(found);
}

void Fetches::send(Fetch& fetch) {
  FetchResponse response;
  for (const Topic& topic : fetch.topics) response.topics.push_back({topic.name, {}, topic.id});
  for (Partition& p : fetch.partitions) {
    FetchResponse::Partition out;
    out.index = p.index;
    out.error_code = p.error;
    const bool known = p.error == ErrorCode::none || p.error == ErrorCode::offset_out_of_range;
    out.high_watermark = known ? p.range.high_watermark.value : -1;
    out.last_stable_offset = known ? p.range.last_stable.value : -1;
    out.log_start_offset = known ? p.range.log_start.value : -1;
    out.records.bytes = p.batches;
    if (fetch.isolation == log::Isolation::read_committed) {
      std::ranges::sort(p.aborted, {}, &log::Producers::Aborted::first);
      auto& aborted = out.aborted_transactions.emplace();
      for (const auto& a : p.aborted) aborted.push_back({a.producer, a.first.value});
    }
    response.topics[p.topic].partitions.push_back(std::move(out));
  }
  const auto done = fetches_.extract(fetch.call.connection);
  broker_.answer(fetch.call, response, fetch.read);
  give_back(fetch);
}

}  // namespace runnel::kafka
