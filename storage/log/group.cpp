#include "storage/log/group.h"

#include <algorithm>

#include "storage/log/batch_head.h"

namespace runnel::log {
namespace {

// What a batch may hold before the next one is begun: a block of one full batch is near its target.
constexpr std::size_t kBatchBytesMax = kBlockBytesTarget - kBlockHeadBytes - kBlockEntryBytes;

// A group that once was large does not keep its memory for ever.
constexpr std::size_t kPooledBatchesMax = 8;

}  // namespace

Group::Batch& Group::open_batch(Lane& lane) {
  if (used_ == pool_.size()) pool_.push_back(std::make_unique<Batch>());
  Batch& batch = *pool_[used_];
  batch.partition = lane.partition;
  batch.builder.clear();
  batch.made.clear();
  batch.at.reset();
  lane.batches.push_back(used_++);
  return batch;
}

Group::Lane& Group::lane(PartitionId partition) {
  if (partition.value >= lane_of_.size()) lane_of_.resize(std::size_t{partition.value} + 1, 0);
  std::uint32_t& slot = lane_of_[partition.value];
  if (slot == 0) {
    lanes_.push_back({partition, {}});
    slot = static_cast<std::uint32_t>(lanes_.size());
  }
  return lanes_[slot - 1];
}

Group::Batch& Group::append_made(PartitionId partition, ByteView batch) {
  const auto view = BatchView::parse(batch, false);
  RUNNEL_CHECK(view);
  Batch& added = open_batch(lane(partition));
  added.made.assign(batch);
  added.stamp = view->producer();
  added.place = outcome.batches.size();
  outcome.batches.emplace_back();
  bytes_ += batch.size() + kBlockEntryBytes;
  records_ += view->records();
  return added;
}

std::size_t Group::append_batch(PartitionId partition, ByteView batch) {
  payload_bytes_ += batch.size() - kBatchHeadBytes;
  return append_made(partition, batch).place;
}

std::size_t Group::append_replica(PartitionId partition, ByteView batch) {
  using Marker = ProducerStamp::Marker;
  payload_bytes_ += batch.size() - kBatchHeadBytes;
  Batch& added = append_made(partition, batch);
  added.at = read_batch_head(batch)->base;
  if (const auto marker = read_marker(batch)) {
    added.stamp.marker = marker->commit ? Marker::commit : Marker::abort;
  }
  return added.place;
}

void Group::leap(PartitionId partition, Offset next) {
  Offset& to = leaps_[partition];
  to = std::max(to, next);
}

void Group::append_marker(PartitionId partition, const TransactionMarker& marker) {
  using Marker = ProducerStamp::Marker;
  Batch& added = append_made(partition, control_batch(Offset(0), marker));
  added.stamp.marker = marker.commit ? Marker::commit : Marker::abort;
}

void Group::append(PartitionId partition, const NewRecord& record) {
  Lane& lane = this->lane(partition);
  Batch* batch = lane.batches.empty() ? nullptr : pool_[lane.batches.back()].get();
  if (batch == nullptr || !batch->made.empty() ||
      batch->builder.size() + BatchBuilder::encoded_bytes(record) > kBatchBytesMax) {
    batch = &open_batch(lane);
    bytes_ += kBatchHeadBytes + kBlockEntryBytes;
  }
  const std::size_t before = batch->builder.size();
  batch->builder.append(record);
  bytes_ += batch->builder.size() - before;
  payload_bytes_ += record.value ? record.value->size() : 0;
  ++records_;
}

void Group::change_state(ByteView key, Change change) {
  RUNNEL_CHECK(!key.empty() && key.size() <= kStateKeyBytesMax);
  const auto weight = [&](const Change& c) { return key.size() + (c.value ? c.value->size() : 0); };
  bytes_ += weight(change);
  const auto found = state_.find(key);
  if (found != state_.end()) {
    bytes_ -= weight(found->second);
    found->second = std::move(change);
  } else {
    state_.emplace(Bytes(key), std::move(change));
  }
}

void Group::put_state(ByteView key, ByteView value, Tie tie) {
  change_state(key, {Bytes(value), tie});
}

void Group::erase_state(ByteView key, Tie tie) { change_state(key, {std::nullopt, tie}); }

// Its row makes it count like other state; the log writes what comes of it (Log::plan_trims).
void Group::trim(PartitionId partition, Offset start, TrimReason why) {
  Trim& trim = trims_.try_emplace(partition, Trim{start, why}).first->second;
  if (trim.start < start) trim = {start, why};
  put_state(Trims::row_name(partition), Trims::encode(trim.start));
}

std::vector<Group::Batch*> Group::batches() {
  std::vector<Batch*> out;
  out.reserve(used_);
  for (const Lane& lane : lanes_) {
    for (const std::uint32_t i : lane.batches) out.push_back(pool_[i].get());
  }
  return out;
}

void Group::clear() {
  for (const Lane& lane : lanes_) lane_of_[lane.partition.value] = 0;
  lanes_.clear();
  if (pool_.size() > kPooledBatchesMax) pool_.resize(kPooledBatchesMax);
  used_ = 0;
  state_.clear();
  trims_.clear();
  leaps_.clear();
  tickets_.clear();
  records_ = 0;
  payload_bytes_ = 0;
  promised_bytes_ = 0;
  bytes_ = 0;
  urgent_ = false;
  outcome = Outcome{};
}

}  // namespace runnel::log
