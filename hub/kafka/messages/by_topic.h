// What most messages say of partitions: a list of topics, each with a list of its partitions.
#pragma once

#include "hub/kafka/types.h"

namespace runnel::kafka {

// `Partition` is a structure of the message, or std::int32_t where the index is all there is.
template <class Partition>
struct ByTopic {
  Text name;
  Vector<Partition> partitions;

  void io(auto& f) {
    f(name);
    f(partitions);
  }
};

}  // namespace runnel::kafka
