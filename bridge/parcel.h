// What a link has taken from the other side and wants stored here: records, and with them how far that
// side has been read, in one commit; or what a mirror has taken. A value.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "bridge/copy.h"
#include "bridge/positions.h"
#include "hub/kafka_client/record.h"

namespace runnel::bridge {

struct Parcel {
  struct Item {
    std::string topic;               // here
    std::size_t partitions_there = 0;
    kafka_client::Record record;     // as it came, but for the headers that say where it has been
  };

  std::vector<Item> items;
  std::size_t bytes = 0;
  Positions positions;  // of all partitions that the link reads, behind these records
  std::shared_ptr<Copy> copy;  // of a mirror, which has nothing else here
};

}  // namespace runnel::bridge
