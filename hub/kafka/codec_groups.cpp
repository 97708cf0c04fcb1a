#include "hub/kafka/codec_templates.h"
#include "hub/kafka/messages/delete_groups.h"
#include "hub/kafka/messages/describe_groups.h"
#include "hub/kafka/messages/heartbeat.h"
#include "hub/kafka/messages/join_group.h"
#include "hub/kafka/messages/leave_group.h"
#include "hub/kafka/messages/list_groups.h"
#include "hub/kafka/messages/offset_commit.h"
#include "hub/kafka/messages/offset_delete.h"
#include "hub/kafka/messages/offset_fetch.h"
#include "hub/kafka/messages/sync_group.h"

namespace runnel::kafka {

RUNNEL_KAFKA_CODEC(OffsetCommit)
RUNNEL_KAFKA_CODEC(OffsetFetch)
RUNNEL_KAFKA_CODEC(JoinGroup)
RUNNEL_KAFKA_CODEC(Heartbeat)
RUNNEL_KAFKA_CODEC(LeaveGroup)
RUNNEL_KAFKA_CODEC(SyncGroup)
RUNNEL_KAFKA_CODEC(DescribeGroups)
RUNNEL_KAFKA_CODEC(ListGroups)
RUNNEL_KAFKA_CODEC(DeleteGroups)
RUNNEL_KAFKA_CODEC(OffsetDelete)

}  // namespace runnel::kafka
