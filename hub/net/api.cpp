#include "hub/net/api.h"

#include <algorithm>
#include <charconv>

#include <boost/asio/steady_timer.hpp>
#include <boost/json.hpp>

#include "hub/mqtt/codec.h"
#include "hub/net/api_links.h"
#include "storage/base/logger.h"
#include "storage/log/batch_records.h"

namespace runnel::net {

namespace asio = boost::asio;
namespace json = boost::json;

namespace {

constexpr std::size_t kFetchBytes = 256 * 1024;
constexpr std::uint64_t kRecordsMax = 10'000;
constexpr std::uint64_t kRecordsDefault = 500;
constexpr std::uint64_t kWaitMaxMs = 30'000;
constexpr std::chrono::milliseconds kPoll{50};  // of a request that waits for new records

HttpAnswer error(unsigned status, std::string_view message) {
  return {status, "application/json", json::serialize(json::object{{"error", message}}) + "\n"};
}

HttpAnswer answer(const json::value& body) {
  return {200, "application/json", json::serialize(body) + "\n"};
}

std::string base64(ByteView bytes) {
  static constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t three = 0;
    for (std::size_t j = 0; j < 3; ++j) {
      three = three << 8 | (i + j < bytes.size() ? static_cast<std::uint8_t>(bytes[i + j]) : 0U);
    }
    for (std::size_t j = 0; j < 4; ++j) {
      const bool pad = i + j > bytes.size();
      out.push_back(pad ? '=' : kDigits[three >> (18 - 6 * j) & 63]);
    }
  }
  return out;
}

// Text where it is text, {"base64": …} where it is not.
json::value value_of(ByteView bytes) {
  if (mqtt::valid_utf8(bytes)) return json::string(bytes);
  return json::object{{"base64", base64(bytes)}};
}

json::value value_of(const std::optional<ByteView>& bytes) {
  return bytes ? value_of(*bytes) : json::value(nullptr);
}

bool number(const HttpRequest& request, std::string_view name, std::uint64_t& value) {
  const auto found = request.query.find(name);
  if (found == request.query.end()) return true;
  const std::string& text = found->second;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
  return ec == std::errc() && end == text.data() + text.size();
}

json::object record_json(const log::RecordView& record, std::uint64_t partition) {
  json::array headers;
  log::HeaderReader reader(record);
  log::Header h;
  while (reader.next(h)) headers.push_back(json::array{value_of(h.name), value_of(h.value)});
  return {
      {"partition", partition},
      {"offset", record.offset.value},
      {"timestamp_ms", record.timestamp_ms},
      {"key", value_of(record.key)},
      {"value", value_of(record.value)},
      {"headers", std::move(headers)},
  };
}

}  // namespace

struct Api::Fetch {
  explicit Fetch(asio::io_context& io) : timer(io) {}
  PartitionId id{};
  std::uint64_t partition = 0;
  std::uint64_t offset = 0;
  std::uint64_t max = kRecordsDefault;
  Instant until{};
  asio::steady_timer timer;
  HttpReply reply;
};

Api::Api(
    asio::io_context& io,
    const broker::Broker& broker,
    const kafka::Broker& kafka,
    runtime::LogClient& client,
    const log::Log& log,
    const core::Topics& topics,
    const Clock& clock
)
    : io_(io),
      broker_(broker),
      kafka_(kafka),
      client_(client),
      log_(log),
      topics_(topics),
      clock_(clock),
      started_(clock.now()) {}

void Api::handle(const HttpRequest& request, HttpReply reply) {
  if (request.method != "GET" && request.method != "HEAD") {
    return reply(error(405, "only GET is served here"));
  }
  const std::string_view path = request.path;
  if (path == "/healthz") {
    const bool healthy = !log_.failed();
    return reply({healthy ? 200U : 503U, "text/plain", healthy ? "ok\n" : "a flush failed\n"});
  }
  if (path == "/metrics") return reply(metrics());
  if (path == "/api/v1/status") return reply(status());
  if (path == "/api/v1/links") return reply({200, "application/json", links_json(links_(), kafka_.replicas(), clock_.now())});
  if (path == "/api/v1/topics") return reply(topics());
  constexpr std::string_view kTopics = "/api/v1/topics/";
  constexpr std::string_view kRecords = "/records";
  if (path.starts_with(kTopics) && path.ends_with(kRecords) &&
      path.size() > kTopics.size() + kRecords.size()) {
    const auto name =
        path.substr(kTopics.size(), path.size() - kTopics.size() - kRecords.size());
    return records(request, name, std::move(reply));
  }
  reply(error(404, "no such resource"));
}

HttpAnswer Api::status() const {
  const log::Log::Totals t = log_.totals();
  const broker::Broker& b = broker_;
  const auto uptime = std::chrono::duration_cast<std::chrono::seconds>(clock_.now() - started_);
  return answer(json::object{
      {"version", RUNNEL_VERSION},
      {"uptime_s", uptime.count()},
      {"healthy", !log_.failed()},
      {"connections", b.connections()},
      {"kafka_connections", kafka_.connections()},
      {"sessions", b.sessions()},
      {"subscriptions", b.subscriptions()},
      {"retained", b.retained()},
      {"accepted", t.accepted},
      {"stored", t.stored},
      {"expired", t.expired},
      {"discarded", t.discarded},
      {"trimmed_on_request", t.trimmed_on_request},
      {"trimmed_by_retention", t.trimmed_by_age_or_size},
      {"stored_trimmed", t.hidden},
      {"refused", b.counters().publish_refused},
      {"disk_bytes", t.disk_bytes},
      {"disk_limit_bytes", disk_limit_bytes_},
      {"generations", t.generations},
      {"damaged_generations", t.damaged},
      {"clock_synchronized", clock_.wall().synchronized},
  });
}

HttpAnswer Api::topics() const {
  json::array list;
  for (const auto& [name, ids] : topics_.all()) {
    json::array partitions;
    for (std::size_t i = 0; i < ids.size(); ++i) {
      const log::PartitionRange range = log_.range(ids[i]);
      partitions.push_back(json::object{
          {"partition", i},
          {"log_start_offset", range.log_start.value},
          {"high_watermark", range.high_watermark.value},
      });
    }
    list.push_back(json::object{{"name", name}, {"partitions", std::move(partitions)}});
  }
  return answer(json::object{{"topics", std::move(list)}});
}

void Api::records(const HttpRequest& request, std::string_view topic, HttpReply reply) {
  const auto* partitions = topics_.find(topic);
  if (partitions == nullptr) return reply(error(404, "no such topic"));
  const auto f = std::make_shared<Fetch>(io_);
  std::uint64_t wait_ms = 0;
  if (!number(request, "partition", f->partition) || !number(request, "offset", f->offset) ||
      !number(request, "max", f->max) || !number(request, "wait_ms", wait_ms)) {
    return reply(error(400, "partition, offset, max and wait_ms are whole numbers"));
  }
  if (f->partition >= partitions->size()) return reply(error(404, "no such partition"));
  f->id = (*partitions)[f->partition];
  f->max = std::clamp<std::uint64_t>(f->max, 1, kRecordsMax);
  f->until = clock_.now() + std::chrono::milliseconds(std::min(wait_ms, kWaitMaxMs));
  f->reply = std::move(reply);
  fetch(f);
}

void Api::fetch(std::shared_ptr<Fetch> f) {
  const log::PartitionRange range = log_.range(f->id);
  if (f->offset == static_cast<std::uint64_t>(range.high_watermark.value) &&
      clock_.now() < f->until && !log_.failed()) {
    f->timer.expires_after(kPoll);
    f->timer.async_wait([this, f](const boost::system::error_code& ec) {
      if (!ec) fetch(f);
    });
    return;
  }
  const Offset from(static_cast<std::int64_t>(f->offset));
  constexpr auto kAll = log::Isolation::read_uncommitted;
  client_.fetch(f->id, from, kFetchBytes, kAll, [f, range](Result<log::Fetched> fetched) {
    if (!fetched) {
      const bool range_error = errc_of(fetched.error()) == Errc::not_found;
      return f->reply(
          range_error ? error(416, logger::text("offset ", f->offset, " is outside [", range.log_start.value, ", ", range.high_watermark.value, "]"))
                      : error(500, fetched.error().message())
      );
    }
    json::array list;
    std::uint64_t next = f->offset;
    ByteView rest = fetched->batches;
    while (!rest.empty() && list.size() < f->max) {
      ByteReader length(rest.substr(8));
      const std::size_t bytes = 12 + std::size_t{length.be32()};
      const auto head = log::BatchView::parse(rest.substr(0, bytes), false);
      if (!head) break;
      const auto behind =
          static_cast<std::uint64_t>(head->base_offset().value) + head->records();
      if (head->control()) {
        next = std::max(next, behind);
        rest.remove_prefix(bytes);
        continue;
      }
      auto batch = log::BatchRecords::open(head->bytes(), log::kUnpackedBytesMax);
      log::RecordView record;
      while (batch && list.size() < f->max && batch->next(record)) {
        if (static_cast<std::uint64_t>(record.offset.value) < f->offset) continue;
        next = static_cast<std::uint64_t>(record.offset.value) + 1;
        list.push_back(record_json(record, f->partition));
      }
      if (!batch) next = std::max(next, behind);  // nobody can unpack it
      rest.remove_prefix(bytes);
    }
    // What is no record, was not kept or is damaged is passed over.
    if (list.empty()) next = std::max(next, static_cast<std::uint64_t>(fetched->next.value));
    f->reply(answer(json::object{
        {"records", std::move(list)},
        {"next_offset", next},
        {"high_watermark", fetched->range.high_watermark.value},
        {"log_start_offset", fetched->range.log_start.value},
        {"damaged", fetched->damaged},
    }));
  });
}

HttpAnswer Api::metrics() const {
  Exposition e;
  const log::Log::Totals t = log_.totals();
  const broker::Broker& b = broker_;
  const broker::Counters& c = b.counters();
  const auto d = [](auto n) { return static_cast<double>(n); };
  e.gauge("runnel_build_info", "Version of the hub.", 1, "version=\"" RUNNEL_VERSION "\"");
  e.counter("runnel_messages_accepted_total", "Records ever committed.", d(t.accepted));
  e.gauge("runnel_messages_stored", "Records in the log.", d(t.stored));
  e.counter("runnel_messages_expired_total", "Records that retention by age removed.", d(t.expired));
  e.counter("runnel_messages_discarded_total", "Records removed before their time.", d(t.discarded), "reason=\"ceiling\"");
  e.counter("runnel_messages_trimmed_on_request_total", "Records hidden because a client deleted them or their topic.", d(t.trimmed_on_request));
  e.counter("runnel_messages_trimmed_by_retention_total", "Records hidden by the retention of their topic.", d(t.trimmed_by_age_or_size));
  e.gauge("runnel_messages_stored_trimmed", "Of the records in the log, those that are hidden and wait for their generation to go.", d(t.hidden));
  e.counter("runnel_messages_refused_total", "Publishes refused and told so.", d(c.publish_refused));
  e.counter("runnel_session_gap_positions_total", "Log positions retired before a session read them.", d(c.session_gap_records));
  e.counter("runnel_messages_expired_undelivered_total", "Deliveries skipped, message expiry passed.", d(c.expired_undelivered));
  e.histogram("runnel_commit_seconds", "Time of one commit, both flushes included.", log_.metrics().commit_us, 1e-6);
  e.histogram("runnel_commit_records", "Records in one commit.", log_.metrics().commit_records, 1);
  e.counter("runnel_payload_bytes_stored_total", "Payload bytes committed since start.", d(log_.metrics().payload_bytes.value()));
  e.counter("runnel_block_bytes_stored_total", "Bytes of blocks committed since start.", d(log_.metrics().block_bytes.value()));
  e.gauge("runnel_store_used_bytes", "Bytes of the log's files.", d(t.disk_bytes));
  e.gauge("runnel_store_limit_bytes", "Ceiling of the log's files.", d(disk_limit_bytes_));
  e.gauge("runnel_store_generations", "Generations in the chain.", d(t.generations));
  e.gauge("runnel_store_damaged_generations", "Generations set aside at start.", d(t.damaged));
  e.gauge("runnel_connections", "MQTT clients connected.", d(b.connections()));
  e.gauge("runnel_kafka_connections", "Connections of Kafka clients.", d(kafka_.connections()));
  e.gauge("runnel_kafka_groups", "Consumer groups with members, or that had some.", d(kafka_.groups().coordinator().groups()));
  e.gauge("runnel_kafka_fetches_waiting", "Fetch requests that wait for records.", d(kafka_.fetches().waiting()));
  e.gauge("runnel_kafka_buffer_bytes", "Memory for requests that are coming and answers that are leaving, of all Kafka connections.", d(kafka_.memory().used()));
  e.gauge("runnel_kafka_buffer_waiting", "Requests that wait for such memory.", d(kafka_.memory().waiting()));
  const kafka::Logins::Counters& l = kafka_.logins().counters();
  constexpr const char* kLogins = "runnel_kafka_logins_total";
  e.counter(kLogins, "Logins of Kafka clients, by how they ended.", d(l.succeeded), "result=\"succeeded\"");
  e.counter(kLogins, "Logins of Kafka clients, by how they ended.", d(l.failed), "result=\"failed\"");
  e.counter(kLogins, "Logins of Kafka clients, by how they ended.", d(l.turned_away), "result=\"none\"");
  e.gauge("runnel_sessions", "MQTT sessions, connected or not.", d(b.sessions()));
  e.gauge("runnel_subscriptions", "MQTT subscriptions.", d(b.subscriptions()));
  e.gauge("runnel_retained_messages", "Retained messages.", d(b.retained()));
  e.counter("runnel_mqtt_records_without_topic_total", "Records that MQTT subscribers cannot be given, their key makes no MQTT topic.", d(c.records_without_topic));
  e.counter("runnel_mqtt_headers_left_out_total", "Headers left out of deliveries, MQTT cannot carry them.", d(b.headers_left_out()));
  e.counter("runnel_mqtt_replays_total", "Subscriptions that asked for the past.", d(c.replays));
  e.counter("runnel_mqtt_publish_received_total", "PUBLISH packets received.", d(c.publish_received));
  e.counter("runnel_mqtt_publish_sent_total", "PUBLISH packets sent.", d(c.publish_sent));
  e.counter("runnel_mqtt_bytes_received_total", "Bytes received from MQTT clients.", d(c.bytes_received));
  link_metrics(links_(), e);
  mirror_metrics(kafka_.replicas(), clock_.now(), e);
  e.gauge("runnel_clock_synchronized", "Whether something disciplines the wall clock.", clock_.wall().synchronized ? 1 : 0);
  return {200, "text/plain; version=0.0.4", e.take()};
}

}  // namespace runnel::net
