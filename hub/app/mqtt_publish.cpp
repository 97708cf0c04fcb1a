#include "hub/app/mqtt_publish.h"

namespace runnel::app {

namespace {

constexpr std::chrono::milliseconds kConnectTimeout{5000};
constexpr std::chrono::milliseconds kAckTimeout{30'000};  // commit_interval is at most 10 s
constexpr std::size_t kWriteBytes = 64 * 1024;

class Publisher {
 public:
  explicit Publisher(const PublishExchange::Options& options) : exchange_(options) {}

  Published run(const Peer& hub, MessageSource& source) {
    if (const auto why = connection_.open(hub, kConnectTimeout)) {
      return {
          0,
          "cannot reach the hub at " + peer_text(hub) + ": " + why->text +
              "; is `runnel serve` running?"};
    }
    until([&] { return exchange_.connected(); });
    while (!failed()) {
      const auto message = source.next();
      if (!message) break;
      exchange_.publish(*message);
      if (!source.at_hand() || exchange_.output().size() >= kWriteBytes) write();
      until([&] { return exchange_.has_room(); });
    }
    if (!failed()) exchange_.ping();
    until([&] { return exchange_.settled(); });
    if (!failed()) {
      exchange_.disconnect();
      write();
    }
    return {exchange_.published(), exchange_.failure() ? exchange_.failure() : broken_};
  }

 private:
  [[nodiscard]] bool failed() const { return exchange_.failure() || broken_; }

  // Writes what is due and reads what comes until `done` holds or all is over.
  template <class Done>
  void until(const Done& done) {
    while (!failed() && !done()) {
      write();
      read();
    }
  }

  void write() {
    if (failed() || exchange_.output().empty()) return;
    if (const auto why = connection_.write(exchange_.output(), kAckTimeout)) {
      // The hub may have said why before it closed.
      if (!read()) broken_ = "the connection to the hub broke: " + why->text;
    }
    exchange_.output().clear();
  }

  bool read() {
    const auto bytes = connection_.read(kAckTimeout);
    if (!bytes) {
      broken_ = "the connection to the hub broke: " + bytes.error().text;
    } else if (bytes->empty()) {
      broken_ = "the hub closed the connection without a word";
    } else {
      exchange_.receive(*bytes);
    }
    return exchange_.failure().has_value();
  }

  PublishExchange exchange_;
  Connection connection_;
  std::optional<std::string> broken_;
};

}  // namespace

Published publish_messages(
    const Peer& hub, const PublishExchange::Options& options, MessageSource& source
) {
  return Publisher(options).run(hub, source);
}

}  // namespace runnel::app
