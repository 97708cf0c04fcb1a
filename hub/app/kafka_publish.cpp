#include <unistd.h>

#include <chrono>

#include "hub/app/console.h"
#include "hub/app/kafka_commands.h"
#include "hub/app/message_input.h"
#include "hub/app/record_source.h"
#include "hub/app/text.h"
#include "hub/kafka_client/producer.h"

namespace runnel::app {

namespace {

using kafka_client::Failure;
using kafka_client::Producer;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kLook{100};       // between two looks at what has been refused
constexpr milliseconds kProgress{1000};  // between two lines on a terminal
constexpr std::size_t kComplaintsMax = 10;

// "12,345 sent, 12,000 acknowledged" on a terminal, over and over in one line.
class Progress {
 public:
  void show(std::uint64_t sent, std::uint64_t acknowledged) {
    const auto now = steady_clock::now();
    if (!terminal_ || now - last_ < kProgress) return;
    last_ = now;
    shown_ = true;
    say("\r" + std::to_string(sent) + " sent, " + std::to_string(acknowledged) + " acknowledged");
  }

  void clear() {
    if (shown_) say("\r\033[K");
    shown_ = false;
  }

 private:
  static void say(const std::string& text) { std::fwrite(text.data(), 1, text.size(), stderr); }

  bool terminal_ = isatty(STDERR_FILENO) == 1;
  bool shown_ = false;
  steady_clock::time_point last_ = steady_clock::now();
};

class KafkaPublishRun {
 public:
  KafkaPublishRun(
      const KafkaPublish& command, const kafka_client::Door& door, const LineReader& reader
  )
      : command_(command), door_(door), reader_(reader), producer_(door) {}

  int run() {
    std::optional<std::string> value = command_.value;
    if (command_.file) {
      const auto contents = contents_of(*command_.file);
      if (!contents)
        return failed("cannot read " + in_quotes(*command_.file) + ": " + contents.error().text);
      value = *contents;
    }
    if (const auto why = reach(producer_, door_)) return failed(*why);
    if (const auto why = look_for_topic()) return failed(*why);
    std::optional<std::string> why;
    if (many()) {
      why = send_lines();
    } else {
      why = send(reader_.record(std::move(value)));
    }
    producer_.settle();
    progress_.clear();
    return say_outcome(why);
  }

 private:
  [[nodiscard]] bool many() const { return command_.lines || command_.json; }

  std::optional<std::string> look_for_topic() {
    auto topics = producer_.topics();
    if (!topics) return cannot("list the topics", topics.error());
    topics_ = std::move(*topics);
    const kafka_client::Topic* topic = find_topic(topics_, command_.topic);
    is_new_ = topic == nullptr;
    if (topic != nullptr) partitions_ = static_cast<std::int32_t>(topic->partitions.size());
    return std::nullopt;
  }

  std::optional<std::string> send_lines() {
    InputLines input;
    while (producer_.refused().empty()) {
      if (!input.wait(kLook)) {
        producer_.hear(milliseconds(0));
        continue;
      }
      const auto line = input.next();
      if (!line) break;
      ++number_;
      const auto wanted = reader_.read(*line);
      if (!wanted) return in_line(number_) + wanted.error().text;
      if (auto why = send(*wanted)) return why;
      producer_.hear(milliseconds(0));
      progress_.show(number_, producer_.acknowledged());
    }
    return std::nullopt;
  }

  std::optional<std::string> send(const WantedRecord& wanted) {
    const std::int32_t partition = wanted.partition.value_or(-1);
    if (!is_new_ && partition >= partitions_) return in_line(number_) + no_partition(partition);
    const auto failure = producer_.send(wanted.record, partition, wanted.time_ms, number_);
    if (!failure) return std::nullopt;
    return in_line(number_) + explain(*failure);
  }

  [[nodiscard]] std::string no_partition(std::int32_t partition) const {
    const std::string text = in_quotes(command_.topic) + " has " + std::to_string(partitions_) +
                             " partitions, from 0 on; there is no partition " +
                             std::to_string(partition);
    return command_.json ? text + " (--partition key lets the keys decide)" : text;
  }

  [[nodiscard]] std::string in_line(std::uint64_t number) const {
    return many() ? "line " + std::to_string(number) + ": " : std::string{};
  }

  [[nodiscard]] std::string explain(const Failure& failure) const {
    const bool unknown = failure.kind == Failure::Kind::unknown_topic;
    if (unknown && is_new_) return no_such_topic(command_.topic, topics_);
    if (failure.kind == Failure::Kind::unreachable) {
      return "the hub at " + door_.bootstrap + " did not acknowledge it: " + failure.text;
    }
    return "the hub refused it: " + failure.text;
  }

  int say_outcome(const std::optional<std::string>& why) const {
    const auto& refused = producer_.refused();
    for (std::size_t i = 0; i < std::min(refused.size(), kComplaintsMax); ++i) {
      note(in_line(refused[i].number) + explain(refused[i].why));
    }
    if (refused.size() > kComplaintsMax) {
      note("and " + std::to_string(refused.size() - kComplaintsMax) + " more lines");
    }
    if (why) note(*why);
    if (!why && refused.empty()) {
      if (is_new_ && producer_.acknowledged() > 0)
        note("the hub made the topic " + in_quotes(command_.topic));
      return kExitOk;
    }
    if (many())
      note(std::to_string(producer_.acknowledged()) + " lines are published, the rest is not");
    return kExitFailed;
  }

  const KafkaPublish& command_;
  const kafka_client::Door& door_;
  const LineReader& reader_;
  Producer producer_;
  Progress progress_;
  std::vector<kafka_client::Topic> topics_;
  bool is_new_ = false;
  std::int32_t partitions_ = 0;
  std::uint64_t number_ = 0;  // of the line, from 1
};

}  // namespace

int kafka_publish(const KafkaPublish& command) {
  const auto door = door_of(command.door);
  if (!door) return misused(door.error().text);
  const auto reader = LineReader::make(command);
  if (!reader) return misused(reader.error().text);
  return KafkaPublishRun(command, *door, *reader).run();
}

}  // namespace runnel::app
