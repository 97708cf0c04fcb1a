#include "bridge/provenance.h"

#include <algorithm>

namespace runnel::bridge {

bool names(std::string_view via, std::string_view name) {
  while (!via.empty()) {
    const std::size_t comma = std::min(via.find(','), via.size());
    if (via.substr(0, comma) == name) return true;
    via.remove_prefix(std::min(comma + 1, via.size()));
  }
  return false;
}

bool Provenance::take(
    const std::vector<HeaderView>& headers,
    const Stand& stand,
    bool historical,
    std::string_view to,
    bool relay
) {
  out_.clear();
  via_.clear();
  std::optional<std::string_view> origin;
  for (const HeaderView& header : headers) {
    if (header.name == kVia) {
      // As the last one says, who knew the others.
      via_ = header.value.value_or("");
    } else if (header.name != kHistorical) {
      if (header.name == kOrigin) origin = header.value.value_or("");
      out_.push_back(header);
    }
  }
  if (origin && !relay) return false;
  if (via_.empty()) via_ = origin.value_or(from_);
  if (!names(via_, from_)) via_ += "," + from_;
  if (!to.empty() && names(via_, to)) return false;
  if (!origin) {
    partition_ = std::to_string(stand.partition);
    offset_ = std::to_string(stand.offset);
    out_.push_back({kOrigin, from_});
    if (!stand.topic.empty()) out_.push_back({kOriginTopic, stand.topic});
    out_.push_back({kOriginPartition, partition_});
    out_.push_back({kOriginOffset, offset_});
  }
  if (via_ != origin.value_or(from_)) out_.push_back({kVia, via_});
  if (historical) out_.push_back({kHistorical, "true"});
  return true;
}

}  // namespace runnel::bridge
