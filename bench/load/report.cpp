#include "bench/load/report.h"

#include <cinttypes>
#include <cstdarg>
#include <cstdio>

namespace runnel::bench {

namespace {

[[gnu::format(printf, 1, 2)]] std::string format(const char* pattern, ...) {
  std::va_list arguments;
  va_start(arguments, pattern);
  char* text = nullptr;
  const int bytes = vasprintf(&text, pattern, arguments);
  va_end(arguments);
  if (bytes < 0) return {};
  std::string out(text, static_cast<std::size_t>(bytes));
  std::free(text);
  return out;
}

double per_second(std::uint64_t count, double seconds) {
  return seconds > 0 ? static_cast<double>(count) / seconds : 0;
}

double microseconds(std::uint64_t ns) {
  return static_cast<double>(ns) / 1e3;
}

const char* protocol_name(Protocol protocol) {
  return protocol == Protocol::v5 ? "5" : "3.1.1";
}

std::string latency_text(const Histogram& h) {
  if (h.count() == 0) return "no latency";
  return format(
      "latency p50 %.0f us, p99 %.0f us, max %.0f us",
      microseconds(h.quantile(0.5)),
      microseconds(h.quantile(0.99)),
      microseconds(h.max())
  );
}

std::string delivery_text(const char* name, const Delivery& d, const std::string& more) {
  return format(
      "%-13s %" PRIu64 " received by %" PRIu64 ": %" PRIu64 " lost, %" PRIu64 " repeated, %" PRIu64
      " reordered, %" PRIu64 " misrouted, %" PRIu64 " invented; %.0f/s, %s\n",
      name,
      d.distinct,
      d.subscribers,
      d.lost,
      d.repeats,
      d.reordered,
      d.misrouted,
      d.invented,
      per_second(d.distinct, d.seconds),
      more.c_str()
  );
}

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto u = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (u < 0x20) {
      out += format("\\u%04x", u);
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string latency_json(const Histogram& h) {
  return format(
      "{\"count\":%" PRIu64 ",\"p50\":%.3f,\"p90\":%.3f,\"p99\":%.3f,\"p999\":%.3f,\"max\":%.3f}",
      h.count(),
      microseconds(h.quantile(0.5)),
      microseconds(h.quantile(0.9)),
      microseconds(h.quantile(0.99)),
      microseconds(h.quantile(0.999)),
      microseconds(h.max())
  );
}

std::string delivery_json(const Delivery& d) {
  return format(
      "\"subscribers\":%" PRIu64 ",\"received\":%" PRIu64 ",\"lost\":%" PRIu64
      ",\"repeats\":%" PRIu64 ",\"reordered\":%" PRIu64 ",\"misrouted\":%" PRIu64
      ",\"invented\":%" PRIu64 ",\"seconds\":%.6f,\"received_per_s\":%.1f",
      d.subscribers,
      d.distinct,
      d.lost,
      d.repeats,
      d.reordered,
      d.misrouted,
      d.invented,
      d.seconds,
      per_second(d.distinct, d.seconds)
  );
}

std::string setting_json(const Options& o) {
  return format(
      "\"host\":%s,\"port\":%u,\"protocol\":\"%s\",\"connections\":%u,\"threads\":%u",
      quoted(o.host).c_str(),
      static_cast<unsigned>(o.port),
      protocol_name(o.protocol),
      o.connections,
      o.threads
  );
}

std::string load_json(const Options& o, const Outcome& r) {
  const Tally& t = r.tally;
  return format(
      ",\"window\":%u,\"qos\":%u,\"payload_bytes\":%zu,\"topics\":%u,\"rate\":%.1f"
      ",\"sent\":%" PRIu64 ",\"acknowledged\":%" PRIu64 ",\"refused\":%" PRIu64
      ",\"unacknowledged\":%" PRIu64
      ",\"measured_seconds\":%.6f,\"acknowledged_per_s\":%.1f,\"ack_latency_us\":%s",
      o.window,
      o.qos,
      o.payload_bytes,
      o.topics(),
      o.rate,
      t.sent,
      t.acknowledged,
      t.refused,
      r.unacknowledged,
      r.measured_s,
      per_second(t.acknowledged_measured, r.measured_s),
      latency_json(t.ack_latency).c_str()
  );
}

std::string setting_text(const Options& o) {
  if (o.mode == Mode::idle) return format("%u idle connections\n", o.connections);
  return format(
      "%u connections, window %u, QoS %u, %zu-byte payloads, %u MQTT topics, MQTT %s\n",
      o.connections,
      o.window,
      o.qos,
      o.payload_bytes,
      o.topics(),
      protocol_name(o.protocol)
  );
}

std::string load_text(const Options& o, const Outcome& r) {
  const Tally& t = r.tally;
  std::string out = format(
      "%-13s %.0f/s (%" PRIu64 " in %.3f s), %s\n",
      o.qos > 0 ? "acknowledged" : "sent",
      per_second(t.acknowledged_measured, r.measured_s),
      t.acknowledged_measured,
      r.measured_s,
      latency_text(t.ack_latency).c_str()
  );
  if (t.refused + r.unacknowledged > 0) {
    out += format(
        "%-13s %" PRIu64 " refused, %" PRIu64 " never acknowledged\n",
        "",
        t.refused,
        r.unacknowledged
    );
  }
  out += format(
      "%-13s %.2f of a core, on %u thread(s)\n",
      "this tool",
      r.load_s > 0 ? r.cpu_s / r.load_s : 0,
      o.threads
  );
  if (r.live) out += delivery_text("live", *r.live, latency_text(t.live_latency));
  if (r.offline)
    out += delivery_text("offline", *r.offline, format("%.3f s to drain", r.offline->seconds));
  return out;
}

}  // namespace

std::string text_report(const Options& options, const Outcome& outcome) {
  const Tally& t = outcome.tally;
  std::string out = setting_text(options);
  out += format(
      "%-13s %" PRIu64 " open after %.3f s; %" PRIu64 " errors, %" PRIu64 " reconnects, %" PRIu64
      " pings, %" PRIu64 " answers\n",
      "connections",
      outcome.opened,
      outcome.connect_s,
      t.errors,
      t.reconnects,
      t.pings,
      t.pongs
  );
  if (options.mode == Mode::load && outcome.connected) out += load_text(options, outcome);
  if (t.foreign > 0)
    out += format("%-13s %" PRIu64 " messages not of this run\n", "foreign", t.foreign);
  if (!t.first_error.empty()) out += "first error   " + t.first_error + "\n";
  out += outcome.good() ? "good\n" : "NOT GOOD\n";
  return out;
}

std::string json_report(const Options& options, const Outcome& outcome) {
  const Tally& t = outcome.tally;
  std::string out = "{" + setting_json(options);
  if (options.mode == Mode::load) out += load_json(options, outcome);
  out += format(
      ",\"connected\":%s,\"opened\":%" PRIu64 ",\"connect_seconds\":%.6f,\"errors\":%" PRIu64
      ",\"reconnects\":%" PRIu64 ",\"pings\":%" PRIu64 ",\"pongs\":%" PRIu64 ",\"foreign\":%" PRIu64
      ",\"cpu_seconds\":%.6f,\"load_seconds\":%.6f,\"first_error\":%s",
      outcome.connected ? "true" : "false",
      outcome.opened,
      outcome.connect_s,
      t.errors,
      t.reconnects,
      t.pings,
      t.pongs,
      t.foreign,
      outcome.cpu_s,
      outcome.load_s,
      quoted(t.first_error).c_str()
  );
  if (outcome.live) {
    out += ",\"live\":{" + delivery_json(*outcome.live) +
           ",\"latency_us\":" + latency_json(t.live_latency) + "}";
  }
  if (outcome.offline) out += ",\"offline\":{" + delivery_json(*outcome.offline) + "}";
  out += format(",\"good\":%s}\n", outcome.good() ? "true" : "false");
  return out;
}

}  // namespace runnel::bench
