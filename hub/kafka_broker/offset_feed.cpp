#include "hub/kafka_broker/offset_feed.h"

#include "hub/core/groups/offset_row.h"
#include "storage/log/record_batch.h"

namespace runnel::kafka {

namespace {

// More changes than one start of the hub sees.
constexpr int kChangesBits = 36;
constexpr std::size_t kGoneKept = 10'000;

}  // namespace

void OffsetFeed::begin(std::uint32_t boot) {
  if (begun_) return;
  begun_ = true;
  first_ = next_ = std::int64_t{boot} << kChangesBits;
  offsets_.each_group([&](ByteView group) {
    offsets_.each(group, [&](ByteView topic, std::int32_t partition, const core::CommittedOffset* offset, bool) {
      if (offset != nullptr) changed({Bytes(group), Bytes(topic), partition});
    });
  });
}

void OffsetFeed::changed(const core::OffsetKey& key) {
  if (!begun_) return;
  const auto [place, is_new] = places_.try_emplace(key, next_);
  if (!is_new) {
    changes_.erase(place->second);
    place->second = next_;
  }
  changes_.emplace(next_, key);
  if (offsets_.find(key.group, key.topic, key.partition) == nullptr) forget_gone();
  ++next_;
}

void OffsetFeed::forget_gone() {
  gone_.push_back(next_);
  if (gone_.size() <= kGoneKept) return;
  const auto change = changes_.find(gone_.front());
  gone_.pop_front();
  if (change == changes_.end()) return;  // it has changed since
  places_.erase(change->second);
  changes_.erase(change);
}

Offset OffsetFeed::start(Offset asked) const {
  return asked.value < first_ || asked.value > next_ ? Offset(first_) : asked;
}

Bytes OffsetFeed::read(Offset from, std::size_t bytes_max) const {
  Bytes out;
  for (auto change = changes_.lower_bound(from.value); change != changes_.end(); ++change) {
    const core::OffsetKey& key = change->second;
    const core::CommittedOffset* offset = offsets_.find(key.group, key.topic, key.partition);
    const Bytes name = core::encode_offset_key(key);
    const Bytes row = offset == nullptr ? Bytes() : core::encode_offset_row(-1, key, *offset);
    log::NewRecord record;
    record.key = name;
    if (offset != nullptr) record.value = row;
    log::BatchBuilder builder;
    builder.append(record);
    builder.seal(Offset(change->first));
    if (!out.empty() && out.size() + builder.size() > bytes_max) break;
    out.append(builder.bytes());
  }
  return out;
}

}  // namespace runnel::kafka
