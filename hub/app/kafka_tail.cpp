#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <limits>
#include <map>
#include <set>

#include "hub/app/console.h"
#include "hub/app/kafka_commands.h"
#include "hub/app/kafka_range.h"
#include "hub/app/record_format.h"
#include "hub/app/record_json.h"
#include "hub/app/record_text.h"
#include "hub/app/text.h"
#include "hub/kafka_client/consumer.h"

namespace runnel::app {

namespace {

using kafka_client::At;
using kafka_client::Consumer;
using kafka_client::End;
using kafka_client::Event;
using kafka_client::Failure;
using kafka_client::Lost;
using kafka_client::Outside;
using kafka_client::Record;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kLook{200};  // between two looks at whether somebody wants us to stop

volatile std::sig_atomic_t asked_to_stop = 0;

// The second time it is meant.
void stop(int) {
  if (asked_to_stop != 0) _exit(kExitOk);
  asked_to_stop = 1;
}

class KafkaTailRun {
 public:
  KafkaTailRun(const KafkaTail& command, const kafka_client::Door& door, RecordFormat format)
      : command_(command),
        door_(door),
        format_(std::move(format)),
        consumer_(
            door,
            {.group = command.group,
             .begin_at_latest = command.from.kind == From::Kind::latest,
             .read_committed = command.read_committed,
             .wait_for_more = command.follow || !command.group.empty()}
        ) {}

  int run() {
    std::signal(SIGINT, stop);
    std::signal(SIGTERM, stop);
    if (const auto why = reach(consumer_, door_)) return failed(*why);
    const auto topics = consumer_.topics();
    if (!topics) return failed(cannot("list the topics", topics.error()));
    const kafka_client::Topic* topic = find_topic(*topics, command_.topic);
    if (topic == nullptr) return failed(no_such_topic(command_.topic, *topics));
    const auto why = command_.group.empty() ? read_ranges(*topic) : read_as_member();
    const int code = flush();
    const auto left = consumer_.close();
    if (why) return failed(*why);
    if (left) return failed("the group's offsets may not be committed: " + left->text);
    if (code == kExitOk && asked_to_stop != 0 && !command_.follow) {
      return failed("stopped before the end");
    }
    return code;
  }

 private:
  using Complaint = std::optional<std::string>;

  Complaint read_ranges(const kafka_client::Topic& topic) {
    auto ranges = ranges_of(
        consumer_, topic, {command_.partition, command_.from, command_.until, command_.follow}
    );
    if (!ranges) return ranges.error().text;
    for (Range& range : *ranges) {
      if (range.skipped > 0) say_skipped(range.partition, range.next - range.skipped, range.next);
    }
    if (command_.follow) return read(std::move(*ranges));
    for (const Range& range : *ranges) {
      if (const auto why = read({range})) return why;
      if (over()) break;
    }
    return std::nullopt;
  }

  Complaint read_as_member() {
    if (const auto failure = consumer_.subscribe(command_.topic)) return failure->text;
    std::set<std::int32_t> ended;
    std::set<std::int32_t> ours;
    steady_clock::time_point since = steady_clock::now();  // that these are ours
    while (!over()) {
      const Event event = next();
      if (auto given = assigned(); given != ours) {
        ours = std::move(given);
        ended.clear();  // the library says it again
        since = steady_clock::now();
      }
      if (const auto* record = std::get_if<Record>(&event)) {
        ended.erase(record->partition);
        take(*record);
      } else if (const auto* end = std::get_if<End>(&event)) {
        ended.insert(end->partition);
      } else if (const auto* failure = std::get_if<Failure>(&event)) {
        return failure->text;
      }
      if (command_.follow) continue;
      if (!ours.empty() && std::ranges::includes(ended, ours)) break;
      if (gone_for_good()) return "the hub at " + door_.bootstrap + " did not come back";
      if (ours.empty() && steady_clock::now() - since > kafka_client::kPatience) {
        return "the group " + in_quotes(command_.group) + " has no partition for this member";
      }
    }
    return std::nullopt;
  }

  std::set<std::int32_t> assigned() {
    std::set<std::int32_t> out;
    const auto places = consumer_.assignment();
    if (!places) return out;
    for (const At& at : *places) out.insert(at.partition);
    return out;
  }

  [[nodiscard]] bool gone_for_good() const {
    return lost_ && steady_clock::now() - lost_since_ > kafka_client::kPatience;
  }

  // These ranges together, until each is at its end.
  Complaint read(std::vector<Range> ranges) {
    std::erase_if(ranges, [](const Range& range) { return range.done(); });
    if (ranges.empty()) return std::nullopt;
    std::map<std::int32_t, Range> open;
    for (const Range& range : ranges) open.emplace(range.partition, range);
    if (const auto why = assign(open)) return why;
    while (!over() && !open.empty()) {
      const Event event = next();
      if (const auto* record = std::get_if<Record>(&event)) {
        const auto range = open.find(record->partition);
        if (range == open.end()) continue;
        if (range->second.holds(*record)) take(*record);
        if (range->second.passed(*record)) open.erase(range);
      } else if (const auto* end = std::get_if<End>(&event)) {
        if (!command_.follow) open.erase(end->partition);
      } else if (const auto* outside = std::get_if<Outside>(&event)) {
        if (const auto why = place_again(outside->partition, open)) return why;
      } else if (const auto* failure = std::get_if<Failure>(&event)) {
        return cannot("read " + in_quotes(command_.topic), *failure);
      }
      if (!command_.follow && gone_for_good()) {
        return "the hub at " + door_.bootstrap + " did not come back";
      }
    }
    return std::nullopt;
  }

  Complaint assign(const std::map<std::int32_t, Range>& open) {
    std::vector<At> places;
    for (const auto& [partition, range] : open) {
      places.push_back({command_.topic, partition, range.next});
    }
    const auto failure = consumer_.assign(places);
    if (!failure) return std::nullopt;
    return failure->text;
  }

  // Retention was faster than this reader, or another log has taken the place of the one it read.
  Complaint place_again(std::int32_t partition, std::map<std::int32_t, Range>& open) {
    const auto found = open.find(partition);
    if (found == open.end()) return std::nullopt;
    Range& range = found->second;
    const auto begins =
        consumer_.offsets_at({{command_.topic, partition, kafka_client::kEarliest}});
    if (!begins) return begins.error().text;
    const std::int64_t first = begins->front().offset;
    if (first <= range.next) {
      return "partition " + std::to_string(partition) + " has no offset " +
             std::to_string(range.next) + " any more: it was emptied or made anew";
    }
    say_skipped(partition, range.next, first);
    range.next = first;
    return assign(open);
  }

  static void say_skipped(std::int32_t partition, std::int64_t from, std::int64_t to) {
    note(
        "partition " + std::to_string(partition) + ": the log no longer has offsets " +
        std::to_string(from) + " to " + std::to_string(to - 1)
    );
  }

  // What is at hand is printed before anybody waits.
  Event next() {
    Event event = consumer_.poll(milliseconds(0));
    if (std::holds_alternative<std::monostate>(event)) {
      if (flush() != kExitOk) asked_to_stop = 1;
      event = consumer_.poll(kLook);
    }
    if (const auto* gone = std::get_if<Lost>(&event)) {
      if (!lost_ && !consumer_.answers(kLook)) {
        note("the hub at " + door_.bootstrap + " is gone (" + gone->why + "); waiting for it");
        lost_since_ = steady_clock::now();
        lost_ = true;
      }
      return std::monostate{};
    }
    if (lost_ && (std::holds_alternative<Record>(event) || consumer_.answers(kLook))) {
      note("the hub at " + door_.bootstrap + " is back");
      lost_ = false;
    }
    return event;
  }

  void take(const Record& record) {
    const bool wanted = !command_.key || record.key == command_.key;
    if (wanted) {
      if (!command_.format.empty()) {
        print(format_.print(record));
      } else {
        print_line(command_.json ? json_line(record) : record_line(record, command_.headers));
      }
      ++printed_;
    }
    if (!command_.group.empty()) {
      taken_[record.partition] = {record.topic, record.partition, record.offset + 1};
    }
  }

  // Only what has left this process counts as dealt with.
  int flush() {
    if (code_ == kExitOk) code_ = flushed(kExitOk);
    if (code_ == kExitOk) {
      for (const auto& [partition, at] : taken_) consumer_.done(at);
      taken_.clear();
    }
    return code_;
  }

  [[nodiscard]] bool over() const {
    return asked_to_stop != 0 || (command_.count && printed_ >= *command_.count);
  }

  const KafkaTail& command_;
  const kafka_client::Door& door_;
  RecordFormat format_;
  Consumer consumer_;
  std::map<std::int32_t, At> taken_;  // printed, not yet flushed; for a group
  std::uint64_t printed_ = 0;
  int code_ = kExitOk;  // not that once standard output took no more
  bool lost_ = false;
  steady_clock::time_point lost_since_;
};

}  // namespace

int kafka_tail(const KafkaTail& command) {
  const auto door = door_of(command.door);
  if (!door) return misused(door.error().text);
  const auto format = RecordFormat::read(command.format);
  if (!format) return misused("--format: " + format.error().text);
  return KafkaTailRun(command, *door, *format).run();
}

}  // namespace runnel::app
