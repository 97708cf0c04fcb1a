#include "bench/kafka_load/kept.h"

#include "bench/kafka_load/consume.h"
#include "bench/kafka_load/setup.h"
#include "bench/kafka_load/socket.h"
#include "bench/load/verifier.h"

namespace runnel::bench {

namespace {

constexpr std::int32_t kVerifyFetchBytes = 4 << 20;

class Kept {
 public:
  Kept(const KafkaOptions& options, std::uint32_t run, const std::vector<Owed>& owed)
      : options_(options),
        run_(run),
        owed_(owed),
        verifier_(0, static_cast<std::uint32_t>(owed.size())) {}

  void begin_partition(std::uint32_t partition) {
    partition_ = partition;
    next_offset_ = 0;
  }

  void on_batch(const BatchHead& head, std::string_view batch) {
    if (head.base_offset != next_offset_) ++gaps_;
    next_offset_ = head.next_offset();
    stamps_.clear();
    if (read_stamps(batch, stamps_) != BatchFault::none) {
      ++damaged_;
      return;
    }
    std::int64_t offset = head.base_offset;
    for (const Stamp& stamp : stamps_) on_record(stamp, offset++);
  }

  bool report(Json& json) const {
    const Verifier::Totals& totals = verifier_.totals();
    std::uint64_t lost = 0;
    std::uint64_t invented = 0;
    for (std::uint32_t i = 0; i < owed_.size(); ++i) {
      lost += verifier_.missing(i, owed_[i].acknowledged);
      invented += verifier_.invented(i, owed_[i].sent);
    }
    json.count("found", totals.distinct).count("lost", lost).count("repeats", totals.repeats);
    json.count("reordered", totals.reordered).count("misrouted", totals.misrouted);
    json.count("invented", invented).count("misplaced", misplaced_).count("foreign", foreign_);
    json.count("damaged", damaged_).count("gaps", gaps_);
    const std::uint64_t wrong = lost + totals.repeats + totals.reordered + totals.misrouted +
                                invented + misplaced_ + damaged_ + gaps_;
    return wrong == 0;
  }

 private:
  void on_record(const Stamp& stamp, std::int64_t offset) {
    if (stamp.run != run_) {
      ++foreign_;
      return;
    }
    if (!verifier_.owes(stamp.stream) || stamp.stream % options_.partitions != partition_) {
      verifier_.count_misrouted();
      return;
    }
    const Arrival arrival = verifier_.receive(stamp.stream, stamp.sequence);
    const Owed& owed = owed_[stamp.stream];
    const bool first = arrival != Arrival::repeat && owed.last_offset >= 0;
    if (first && stamp.sequence == owed.last_first && offset != owed.last_offset) ++misplaced_;
  }

  const KafkaOptions& options_;
  std::uint32_t run_;
  const std::vector<Owed>& owed_;
  Verifier verifier_;
  std::vector<Stamp> stamps_;
  std::uint32_t partition_ = 0;
  std::int64_t next_offset_ = 0;
  std::uint64_t misplaced_ = 0;
  std::uint64_t foreign_ = 0;
  std::uint64_t damaged_ = 0;
  std::uint64_t gaps_ = 0;
};

}  // namespace

bool verify_kept(
    const KafkaOptions& options, std::uint32_t run, const std::vector<Owed>& owed, Json& report
) {
  Kept kept(options, run, owed);
  Reader reader(options, [&kept](const BatchHead& head, std::string_view batch) {
    kept.on_batch(head, batch);
  });
  for (std::uint32_t partition = 0; partition < options.partitions; ++partition) {
    kept.begin_partition(partition);
    reader.read_partition(static_cast<std::int32_t>(partition), kVerifyFetchBytes);
  }
  return kept.report(report);
}

}  // namespace runnel::bench
