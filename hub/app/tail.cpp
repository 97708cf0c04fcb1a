#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <ctime>
#include <thread>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "hub/app/commands.h"
#include "hub/app/console.h"
#include "hub/app/hub_api.h"
#include "hub/app/record_text.h"
#include "hub/app/suggest.h"
#include "hub/app/text.h"

namespace runnel::app {

namespace {

constexpr std::uint64_t kRecordsPerRequest = 500;
constexpr std::chrono::milliseconds kWait{10'000};     // for new records of the only partition
constexpr std::chrono::milliseconds kLookAround{200};  // when there is nothing in any of several
constexpr std::chrono::milliseconds kTryAgain{1000};   // when the hub has gone

constexpr unsigned kOutOfRange = 416;  // HTTP: the log does not have that offset

// A place to read from and, without --follow, where to stop.
struct Reader {
  std::uint32_t partition = 0;
  std::int64_t next = 0;
  std::int64_t end = 0;
};

class TailRun {
 public:
  explicit TailRun(const Tail& command) : command_(command), hub_(command.http) {}

  int run() {
    const auto topics = hub_.topics();
    if (!topics) return failed(topics.error().message);
    const auto topic = std::find_if(topics->begin(), topics->end(), [&](const TopicInfo& info) {
      return info.name == command_.topic;
    });
    if (topic == topics->end()) return no_such_topic(*topics);
    if (const auto why = place_readers(*topic)) return failed(*why);
    return command_.follow ? follow() : read_once();
  }

 private:
  int no_such_topic(const std::vector<TopicInfo>& topics) const {
    std::vector<std::string_view> names;
    std::string all;
    for (const TopicInfo& topic : topics) {
      names.push_back(topic.name);
      all += (all.empty() ? "" : ", ") + printable(topic.name);
    }
    const std::string_view near = nearest(command_.topic, names);
    return failed(
        "the hub has no topic " + in_quotes(command_.topic) +
        (near.empty() ? "; it has " + all : "; did you mean " + printable(near) + "?")
    );
  }

  std::optional<std::string> place_readers(const TopicInfo& topic) {
    for (const PartitionInfo& info : topic.partitions) {
      if (command_.partition && *command_.partition != info.partition) continue;
      Reader reader{info.partition, start_in(info), info.high_watermark};
      if (reader.next > reader.end) {
        return "partition " + std::to_string(info.partition) + " of " + in_quotes(topic.name) +
               " has no offset " + std::to_string(reader.next) + " yet: the next is " +
               std::to_string(reader.end);
      }
      skip_to(info.log_start_offset, reader);
      readers_.push_back(reader);
    }
    if (!readers_.empty()) return std::nullopt;
    return in_quotes(topic.name) + " has " + std::to_string(topic.partitions.size()) +
           " partitions, from 0 on; there is no partition " +
           std::to_string(command_.partition.value_or(0));
  }

  [[nodiscard]] std::int64_t start_in(const PartitionInfo& info) const {
    const From& from = command_.from;
    switch (from.kind) {
      case From::Kind::earliest:
        return info.log_start_offset;
      case From::Kind::latest:
        return info.high_watermark;
      case From::Kind::offset:
        return from.number;
      case From::Kind::last:
        return std::max(info.log_start_offset, info.high_watermark - from.number);
      case From::Kind::time:  // the HTTP API has no such question; the command line does not ask it
        break;
    }
    return info.log_start_offset;
  }

  int read_once() {
    for (Reader& reader : readers_) {
      while (!enough() && reader.next < reader.end) {
        const std::int64_t before = reader.next;
        const auto got = fetch(reader, std::chrono::milliseconds(0));
        if (!got) return failed(got.error().message);
        if (reader.next == before) break;  // nothing readable is left below the end
      }
    }
    return flushed(kExitOk);
  }

  int follow() {
    // Ctrl-C is how one asks this to stop. Nothing is in a buffer between two requests.
    const auto stop = [](int) { _exit(kExitOk); };
    std::signal(SIGINT, stop);
    std::signal(SIGTERM, stop);
    const auto wait = readers_.size() == 1 ? kWait : std::chrono::milliseconds(0);
    bool lost = false;
    while (!enough()) {
      std::size_t count = 0;
      for (Reader& reader : readers_) {
        if (enough()) break;
        const auto got = fetch(reader, wait);
        if (!got && got.error().kind != ApiFailure::Kind::unreachable)
          return failed(got.error().message);
        if (!got) {
          if (!lost) note(got.error().message + " Waiting for it");
          lost = true;
          std::this_thread::sleep_for(kTryAgain);
          break;
        }
        lost = false;
        count += *got;
        if (const int code = flushed(kExitOk); code != kExitOk) return code;
      }
      if (count == 0 && readers_.size() > 1 && !lost) std::this_thread::sleep_for(kLookAround);
    }
    return flushed(kExitOk);
  }

  [[nodiscard]] bool enough() const { return command_.max && printed_ >= *command_.max; }

  // One request's worth; returns how many records were printed.
  Answer<std::size_t> fetch(Reader& reader, std::chrono::milliseconds wait) {
    RecordsRequest request{command_.topic, reader.partition, reader.next, kRecordsPerRequest, wait};
    if (command_.max) request.max = std::min(request.max, *command_.max - printed_);
    auto got = hub_.records(request);
    if (!got && got.error().status == kOutOfRange && skip_trimmed(reader)) return std::size_t{0};
    if (!got) return got.error();
    std::size_t count = 0;
    for (const boost::json::value& record : got->records) {
      if (past_the_end(reader, record) || enough()) break;
      print_line(command_.json ? boost::json::serialize(record) : record_line(record));
      ++count;
      ++printed_;
    }
    reader.next = std::max(reader.next, got->next_offset);
    return count;
  }

  // Retention may have been faster than this reader. False: that is not what is wrong.
  bool skip_trimmed(Reader& reader) {
    const auto topics = hub_.topics();
    if (!topics) return false;
    for (const TopicInfo& topic : *topics) {
      if (topic.name != command_.topic) continue;
      for (const PartitionInfo& info : topic.partitions) {
        if (info.partition == reader.partition) return skip_to(info.log_start_offset, reader);
      }
    }
    return false;
  }

  // Goes forward over what the log no longer has, and says so. False: there is nothing to skip.
  static bool skip_to(std::int64_t log_start, Reader& reader) {
    if (log_start <= reader.next) return false;
    note(
        "partition " + std::to_string(reader.partition) + ": the log no longer has offsets " +
        std::to_string(reader.next) + " to " + std::to_string(log_start - 1)
    );
    reader.next = log_start;
    return true;
  }

  // Without --follow, what came after the command began does not belong to its answer.
  [[nodiscard]] bool past_the_end(const Reader& reader, const boost::json::value& record) const {
    if (command_.follow) return false;
    const boost::json::object* object = record.if_object();
    const boost::json::value* offset = object == nullptr ? nullptr : object->if_contains("offset");
    return offset != nullptr && offset->is_int64() && offset->get_int64() >= reader.end;
  }

  const Tail& command_;
  HubApi hub_;
  std::vector<Reader> readers_;
  std::uint64_t printed_ = 0;
};

}  // namespace

int tail(const Tail& command) {
  return TailRun(command).run();
}

}  // namespace runnel::app
