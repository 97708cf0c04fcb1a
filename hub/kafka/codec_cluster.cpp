#include "hub/kafka/codec_templates.h"
#include "hub/kafka/messages/alter_user_scram_credentials.h"
#include "hub/kafka/messages/api_versions.h"
#include "hub/kafka/messages/describe_cluster.h"
#include "hub/kafka/messages/describe_log_dirs.h"
#include "hub/kafka/messages/describe_user_scram_credentials.h"
#include "hub/kafka/messages/find_coordinator.h"
#include "hub/kafka/messages/sasl_authenticate.h"
#include "hub/kafka/messages/sasl_handshake.h"

namespace runnel::kafka {

RUNNEL_KAFKA_CODEC(ApiVersions)
RUNNEL_KAFKA_CODEC(FindCoordinator)
RUNNEL_KAFKA_CODEC(DescribeCluster)
RUNNEL_KAFKA_CODEC(DescribeLogDirs)
RUNNEL_KAFKA_CODEC(SaslHandshake)
RUNNEL_KAFKA_CODEC(SaslAuthenticate)
RUNNEL_KAFKA_CODEC(DescribeUserScramCredentials)
RUNNEL_KAFKA_CODEC(AlterUserScramCredentials)

}  // namespace runnel::kafka
