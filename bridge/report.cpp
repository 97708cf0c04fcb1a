#include "bridge/report.h"

#include <algorithm>

namespace runnel::bridge {

core::LinkReport report_of(const LinkStatus& status, std::int64_t wall_ms) {
  core::LinkReport report;
  report.name = status.name;
  switch (status.direction) {
    case LinkSpec::Direction::up: report.direction = "up"; break;
    case LinkSpec::Direction::down: report.direction = "down"; break;
    case LinkSpec::Direction::mirror: report.direction = "mirror"; break;
  }
  report.state = name_of(status.state);
  report.why = status.why;
  const bool exactly = status.delivery == LinkSpec::Delivery::exactly_once;
  report.delivery = exactly ? "exactly-once" : "at-least-once";
  report.destination = status.destination;
  report.online = status.state == LinkStatus::State::online;
  report.lag_records = status.lag.records;
  report.lag_bytes = status.lag.bytes;
  report.oldest_ms = status.lag.oldest_ms;
  if (report.oldest_ms) {
    report.lag_s = static_cast<double>(std::max<std::int64_t>(wall_ms - *report.oldest_ms, 0)) / 1000;
  }
  report.records = status.counters.records;
  report.bytes = status.counters.bytes;
  report.transactions = status.counters.transactions;
  report.wire_bytes = status.wire_bytes;
  report.kept_back = status.counters.kept_back;
  report.refused = status.counters.refused;
  report.unreadable = status.counters.unreadable;
  report.gaps = status.gaps_ever;
  for (const Tally::Gap& gap : status.gaps) {
    report.last_gaps.push_back(
        {gap.at.topic, gap.at.partition, gap.first.value, gap.last.value, gap.why}
    );
  }
  report.troubles = status.troubles;
  report.day_left = status.day_left;
  return report;
}

}  // namespace runnel::bridge
