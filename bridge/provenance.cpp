#include "bridge/provenance.h"

#include <algorithm>

namespace runnel::bridge {

bool names(std::string_view via, std::string_view id) {
  while (!via.empty()) {
    const std::size_t comma = std::min(via.find(','), via.size());
    if (via.substr(0, comma) == id) return true;
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
  bool has_origin = false;
  for (const HeaderView& header : headers) {
    if (header.name == kVia) {
      // As the last one says, who knew the others.
      via_ = header.value.value_or("");
    } else if (header.name != kHistorical) {
      has_origin = has_origin || header.name == kOrigin;
      out_.push_back(header);
    }
  }
  if (has_origin && !relay) return false;
  if (!names(via_, from_.id)) via_ += (via_.empty() ? "" : ",") + from_.id;
  if (!to.empty() && names(via_, to)) return false;
  if (!has_origin) {
    partition_ = std::to_string(stand.partition);
    offset_ = std::to_string(stand.offset);
    out_.push_back({kOrigin, from_.name});
    out_.push_back({kOriginTopic, stand.topic});
    out_.push_back({kOriginPartition, partition_});
    out_.push_back({kOriginOffset, offset_});
  }
  out_.push_back({kVia, via_});
  if (historical) out_.push_back({kHistorical, "true"});
  return true;
}

}  // namespace runnel::bridge
