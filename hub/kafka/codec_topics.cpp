#include "hub/kafka/codec_templates.h"
#include "hub/kafka/messages/alter_configs.h"
#include "hub/kafka/messages/create_partitions.h"
#include "hub/kafka/messages/create_topics.h"
#include "hub/kafka/messages/delete_topics.h"
#include "hub/kafka/messages/describe_configs.h"
#include "hub/kafka/messages/incremental_alter_configs.h"
#include "hub/kafka/messages/metadata.h"

namespace runnel::kafka {

RUNNEL_KAFKA_CODEC(Metadata)
RUNNEL_KAFKA_CODEC(CreateTopics)
RUNNEL_KAFKA_CODEC(DeleteTopics)
RUNNEL_KAFKA_CODEC(CreatePartitions)
RUNNEL_KAFKA_CODEC(DescribeConfigs)
RUNNEL_KAFKA_CODEC(AlterConfigs)
RUNNEL_KAFKA_CODEC(IncrementalAlterConfigs)

}  // namespace runnel::kafka
