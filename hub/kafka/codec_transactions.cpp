#include "hub/kafka/codec_templates.h"
#include "hub/kafka/messages/add_offsets_to_txn.h"
#include "hub/kafka/messages/add_partitions_to_txn.h"
#include "hub/kafka/messages/describe_transactions.h"
#include "hub/kafka/messages/end_txn.h"
#include "hub/kafka/messages/init_producer_id.h"
#include "hub/kafka/messages/list_transactions.h"
#include "hub/kafka/messages/txn_offset_commit.h"

namespace runnel::kafka {

RUNNEL_KAFKA_CODEC(InitProducerId)
RUNNEL_KAFKA_CODEC(AddPartitionsToTxn)
RUNNEL_KAFKA_CODEC(AddOffsetsToTxn)
RUNNEL_KAFKA_CODEC(EndTxn)
RUNNEL_KAFKA_CODEC(TxnOffsetCommit)
RUNNEL_KAFKA_CODEC(DescribeTransactions)
RUNNEL_KAFKA_CODEC(ListTransactions)

}  // namespace runnel::kafka
