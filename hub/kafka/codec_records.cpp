#include "hub/kafka/codec_templates.h"
#include "hub/kafka/messages/delete_records.h"
#include "hub/kafka/messages/describe_producers.h"
#include "hub/kafka/messages/fetch.h"
#include "hub/kafka/messages/list_offsets.h"
#include "hub/kafka/messages/offset_for_leader_epoch.h"
#include "hub/kafka/messages/produce.h"

namespace runnel::kafka {

RUNNEL_KAFKA_CODEC(Produce)
RUNNEL_KAFKA_CODEC(Fetch)
RUNNEL_KAFKA_CODEC(ListOffsets)
RUNNEL_KAFKA_CODEC(OffsetForLeaderEpoch)
RUNNEL_KAFKA_CODEC(DeleteRecords)
RUNNEL_KAFKA_CODEC(DescribeProducers)

}  // namespace runnel::kafka
