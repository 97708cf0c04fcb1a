#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <sstream>
#include <utility>

#include "hub/app/commands.h"
#include "hub/app/console.h"
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

// The lines of standard input, without their newlines. The last one may lack it.
class Lines final : public MessageSource {
 public:
  std::optional<std::string> next() override {
    std::string line;
    if (!std::getline(std::cin, line)) return std::nullopt;
    return line;
  }

  bool at_hand() override { return std::cin.rdbuf()->in_avail() > 0; }
};

using Contents = OrWhy<std::string>;
using boost::system::in_place_value;  // a Why could be made of a string, too

Contents contents(const std::string& file) {
  if (file == "-") {
    return Contents(
        in_place_value, std::istreambuf_iterator<char>(std::cin), std::istreambuf_iterator<char>()
    );
  }
  std::error_code ec;
  if (std::filesystem::is_directory(file, ec)) return Why{"it is a directory"};
  errno = 0;
  std::ifstream in(file, std::ios::binary);
  if (!in.is_open()) return Why{std::strerror(errno)};
  std::ostringstream text;
  if (in.peek() != std::ifstream::traits_type::eof()) text << in.rdbuf();
  if (in.bad() || text.bad()) return Why{std::strerror(errno)};
  return Contents(in_place_value, text.str());
}

}  // namespace

int publish(const Publish& command) {
  if (!mqtt::valid_topic_name(command.topic)) {
    return misused(
        in_quotes(command.topic) +
        " is no MQTT topic to publish to: it must not be empty nor hold + or #"
    );
  }
  std::ios::sync_with_stdio(false);  // so that in_avail() knows what is buffered
  std::unique_ptr<MessageSource> source;
  if (command.lines) {
    source = std::make_unique<Lines>();
  } else {
    const auto message = command.value ? Contents(in_place_value, *command.value)
                                       : contents(command.file.value_or("-"));
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
