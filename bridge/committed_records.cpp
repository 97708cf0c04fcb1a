#include "bridge/committed_records.h"

#include <algorithm>

#include "storage/log/batch_head.h"
#include "storage/log/batch_records.h"
#include "storage/log/compression.h"

namespace runnel::bridge {

namespace {

bool is_aborted(const log::Fetched& fetched, const log::BatchFacts& batch) {
  if (!batch.transactional()) return false;
  return std::any_of(fetched.aborted.begin(), fetched.aborted.end(), [&](const auto& a) {
    return a.producer == batch.producer_id && a.first <= batch.base && batch.base < a.marker;
  });
}

}  // namespace

Offset each_committed(
    const log::Fetched& fetched,
    Offset from,
    const std::function<bool(const log::RecordView&)>& visit,
    std::uint64_t& unreadable
) {
  ByteView rest = fetched.batches;
  while (!rest.empty()) {
    const auto head = log::read_batch_head(rest);
    if (!head || head->bytes > rest.size()) break;  // the log returns whole batches
    const ByteView batch = rest.substr(0, head->bytes);
    rest.remove_prefix(head->bytes);
    if (head->control() || is_aborted(fetched, *head)) continue;
    auto records = log::BatchRecords::open(batch, log::kUnpackedBytesMax);
    if (!records) {
      unreadable += static_cast<std::uint64_t>(head->records);
      continue;
    }
    log::RecordView record;
    while (records->next(record)) {
      if (record.offset < from) continue;
      if (!visit(record)) return Offset(record.offset.value + 1);
    }
    if (records->damaged()) ++unreadable;
  }
  return std::max(from, fetched.next);
}

}  // namespace runnel::bridge
