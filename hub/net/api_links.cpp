#include "hub/net/api_links.h"

#include <boost/json.hpp>

namespace runnel::net {

namespace json = boost::json;

namespace {

template <class T>
json::value or_null(const std::optional<T>& value) {
  return value ? json::value(*value) : json::value(nullptr);
}

json::object json_of(const core::LinkReport& link) {
  json::array gaps;
  for (const core::LinkReport::Gap& gap : link.last_gaps) {
    gaps.push_back(json::object{
        {"topic", gap.topic},
        {"partition", gap.partition},
        {"first_offset", gap.first},
        {"last_offset", gap.last},
        {"why", gap.why},
    });
  }
  return {
      {"name", link.name},
      {"direction", link.direction},
      {"state", link.state},
      {"why", link.why},
      {"delivery", link.delivery},
      {"destination", link.destination},
      {"lag_records", link.lag_records},
      {"lag_bytes", link.lag_bytes},
      {"lag_s", or_null(link.lag_s)},
      {"oldest_unsent_ms", or_null(link.oldest_ms)},
      {"records", link.records},
      {"bytes", link.bytes},
      {"transactions", link.transactions},
      {"wire_bytes", link.wire_bytes},
      {"day_bytes_left", or_null(link.day_left)},
      {"kept_back", link.kept_back},
      {"refused", link.refused},
      {"unreadable", link.unreadable},
      {"gap_records", link.gaps},
      {"last_gaps", std::move(gaps)},
      {"troubles", json::value_from(link.troubles)},
  };
}

}  // namespace

std::string links_json(
    const std::vector<core::LinkReport>& links, const core::Replicas& replicas, Instant now
) {
  json::array all;
  for (const core::LinkReport& link : links) all.push_back(json_of(link));
  json::array mirrors;
  for (const core::Replicas::Mirror& mirror : replicas.mirrors(now)) {
    mirrors.push_back(json::object{
        {"name", mirror.name},
        {"partitions", mirror.partitions},
        {"in_step", mirror.in_step},
        {"lag_records", mirror.lag_records},
        {"silent_s", mirror.silent_s},
    });
  }
  return json::serialize(json::object{
             {"links", std::move(all)},
             {"mirrors", std::move(mirrors)},
             {"short_of_replicas", json::value_from(replicas.short_of())},
         }) +
         "\n";
}

void mirror_metrics(const core::Replicas& replicas, Instant now, Exposition& out) {
  const auto mirrors = replicas.mirrors(now);
  const auto each = [&](const char* name, const char* help, auto value) {
    for (const auto& mirror : mirrors) {
      out.gauge(name, help, static_cast<double>(value(mirror)), "mirror=\"" + mirror.name + "\"");
    }
  };
  using Mirror = core::Replicas::Mirror;
  each("runnel_mirror_lag_records", "Records that the mirror does not have on its disk yet.", [](const Mirror& m) { return m.lag_records; });
  each("runnel_mirror_partitions", "Partitions that it follows.", [](const Mirror& m) { return m.partitions; });
  each("runnel_mirror_partitions_in_step", "Of these, those of which it has had everything within replica_timeout.", [](const Mirror& m) { return m.in_step; });
  each("runnel_mirror_silent_seconds", "Since it last asked.", [](const Mirror& m) { return m.silent_s; });
  for (const std::string& topic : replicas.topics()) {
    out.gauge("runnel_topic_short_of_replicas", "Whether too few mirrors of a topic with min_replicas are in step.", replicas.short_of().contains(topic) ? 1 : 0, "topic=\"" + topic + "\"");
  }
}

void link_metrics(const std::vector<core::LinkReport>& links, Exposition& out) {
  using Report = core::LinkReport;
  const auto each = [&](bool counts, const char* name, const char* help, auto value) {
    for (const Report& link : links) {
      const std::string labels = "link=\"" + link.name + "\"";
      const double number = static_cast<double>(value(link));
      counts ? out.counter(name, help, number, labels) : out.gauge(name, help, number, labels);
    }
  };
  const auto gauge = [&](const char* name, const char* help, auto value) { each(false, name, help, value); };
  const auto counter = [&](const char* name, const char* help, auto value) { each(true, name, help, value); };
  gauge("runnel_link_online", "Whether the link is connected and at work.", [](const Report& l) { return l.online; });
  gauge("runnel_link_exactly_once", "Whether the link sends in transactions.", [](const Report& l) { return l.delivery == "exactly-once"; });
  gauge("runnel_link_lag_records", "Records that the other side does not have yet.", [](const Report& l) { return l.lag_records; });
  gauge("runnel_link_lag_bytes", "About how many bytes of batches those are.", [](const Report& l) { return l.lag_bytes; });
  gauge("runnel_link_lag_seconds", "The age of the oldest of them, by its time.", [](const Report& l) { return l.lag_s.value_or(0); });
  counter("runnel_link_records_total", "Records brought over.", [](const Report& l) { return l.records; });
  counter("runnel_link_bytes_total", "Bytes of their keys, values and headers.", [](const Report& l) { return l.bytes; });
  counter("runnel_link_transactions_total", "Transactions committed.", [](const Report& l) { return l.transactions; });
  counter("runnel_link_wire_bytes_total", "Bytes on the wire, both ways, with TCP and IP headers.", [](const Report& l) { return l.wire_bytes; });
  counter("runnel_link_kept_back_records_total", "Records not sent because the other side has them, or relay is off.", [](const Report& l) { return l.kept_back; });
  counter("runnel_link_refused_records_total", "Records that the other side will never take.", [](const Report& l) { return l.refused; });
  counter("runnel_link_unreadable_records_total", "Damaged records.", [](const Report& l) { return l.unreadable; });
  counter("runnel_link_gap_records_total", "Records that retention took before they were sent, ever.", [](const Report& l) { return l.gaps; });
  for (const Report& link : links) {
    if (!link.day_left) continue;
    out.gauge("runnel_link_day_left_bytes", "What is left of the bytes of this day.", static_cast<double>(*link.day_left), "link=\"" + link.name + "\"");
  }
}

}  // namespace runnel::net
