#include "hub/broker/sys_tree.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace runnel::broker {
namespace {

constexpr double kSpanMinutes[] = {1, 5, 15};
constexpr std::string_view kSpanNames[] = {"1min", "5min", "15min"};
constexpr std::string_view kLoadNames[] = {
    "messages/received",
    "messages/sent",
    "publish/received",
    "publish/sent",
    "bytes/received",
    "bytes/sent",
};

std::string two_digits(double v) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f", v);
  return text;
}

}  // namespace

void SysTree::put(std::string_view topic, std::string value, const Publish& publish) {
  const auto found = std::find_if(said_.begin(), said_.end(), [&](const auto& s) {
    return s.first == topic;
  });
  if (found != said_.end() && found->second == value) return;
  publish(topic, value);
  if (found != said_.end()) {
    found->second = std::move(value);
  } else {
    said_.emplace_back(topic, std::move(value));
  }
}

void SysTree::update(const SysFacts& f, double elapsed_s, const Publish& publish) {
  const Counters& c = *f.counters;
  const auto number = [&](std::string_view topic, std::uint64_t value) {
    put(topic, std::to_string(value), publish);
  };
  put("$SYS/broker/version", "runnel " + std::string(f.version), publish);
  put("$SYS/broker/uptime", std::to_string(f.uptime_s) + " seconds", publish);
  number("$SYS/broker/clients/connected", f.clients_connected);
  number("$SYS/broker/clients/active", f.clients_connected);
  number("$SYS/broker/clients/disconnected", f.clients_disconnected);
  number("$SYS/broker/clients/inactive", f.clients_disconnected);
  number("$SYS/broker/clients/expired", c.sessions_expired);
  number("$SYS/broker/clients/maximum", f.clients_maximum);
  number("$SYS/broker/clients/total", f.clients_connected + f.clients_disconnected);
  number("$SYS/broker/messages/received", c.messages_received);
  number("$SYS/broker/messages/sent", c.messages_sent);
  number("$SYS/broker/messages/stored", f.stored_records);
  number("$SYS/broker/store/messages/count", f.stored_records);
  number("$SYS/broker/store/messages/bytes", f.stored_bytes);
  number("$SYS/broker/publish/messages/received", c.publish_received);
  number("$SYS/broker/publish/messages/sent", c.publish_sent);
  number("$SYS/broker/publish/messages/dropped", c.publish_dropped);
  number("$SYS/broker/publish/bytes/received", c.publish_bytes_received);
  number("$SYS/broker/publish/bytes/sent", c.publish_bytes_sent);
  number("$SYS/broker/bytes/received", c.bytes_received);
  number("$SYS/broker/bytes/sent", c.bytes_sent);
  number("$SYS/broker/subscriptions/count", f.subscriptions);
  number("$SYS/broker/shared_subscriptions/count", f.shared_subscriptions);
  number("$SYS/broker/retained messages/count", f.retained);
  for (const auto& [topic, value] : f.others) put(topic, value, publish);
  const std::array<std::uint64_t, kLoads> now{
      c.messages_received,
      c.messages_sent,
      c.publish_received,
      c.publish_sent,
      c.bytes_received,
      c.bytes_sent,
  };
  for (std::size_t i = 0; i < kLoads; ++i) {
    const double per_minute =
        elapsed_s > 0 ? static_cast<double>(now[i] - last_[i]) * 60.0 / elapsed_s : 0.0;
    last_[i] = now[i];
    for (std::size_t s = 0; s < kSpans; ++s) {
      const double keep = std::exp(-elapsed_s / (60.0 * kSpanMinutes[s]));
      loads_[i][s] = per_minute + keep * (loads_[i][s] - per_minute);
      put("$SYS/broker/load/" + std::string(kLoadNames[i]) + "/" + std::string(kSpanNames[s]),
          two_digits(loads_[i][s]),
          publish);
    }
  }
}

}  // namespace runnel::broker
