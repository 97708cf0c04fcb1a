#include <memory>
#include <utility>

#include "hub/app/commands.h"
#include "hub/app/console.h"
#include "hub/app/message_input.h"
#include "hub/app/mqtt_publish.h"
#include "hub/app/text.h"
#include "hub/mqtt/topic_filter.h"

namespace runnel::app {

namespace {

class OneMessage final : public MessageSource {
 public:
  explicit OneMessage(std::string message) : message_(std::move(message)) {}

  std::optional<std::string> next() override { return std::exchange(message_, std::nullopt); }

  bool at_hand() override { return true; }

 private:
  std::optional<std::string> message_;
};

class Lines final : public MessageSource {
 public:
  std::optional<std::string> next() override { return input_.next(); }

  bool at_hand() override { return input_.at_hand(); }

 private:
  InputLines input_;
};

}  // namespace

int publish(const Publish& command) {
  if (!mqtt::valid_topic_name(command.topic)) {
    return misused(
        in_quotes(command.topic) +
        " is no MQTT topic to publish to: it must not be empty nor hold + or #"
    );
  }
  std::unique_ptr<MessageSource> source;
  if (command.lines) {
    source = std::make_unique<Lines>();
  } else {
    const auto message = command.value
                             ? OrWhy<std::string>(boost::system::in_place_value, *command.value)
                             : contents_of(command.file.value_or("-"));
    if (!message) {
      return failed("cannot read " + in_quotes(*command.file) + ": " + message.error().text);
    }
    source = std::make_unique<OneMessage>(*message);
  }
  const Published published =
      publish_messages(command.mqtt, {command.topic, command.qos, command.retain}, *source);
  if (!published.failure) return kExitOk;
  const std::string count = std::to_string(published.count);
  return failed(
      *published.failure + (command.lines ? " (" + count + " published before)" : std::string{})
  );
}

}  // namespace runnel::app
