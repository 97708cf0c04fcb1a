/* librdkafka's mock cluster as a process, so that a hub can be linked to it.
 *
 *   mock_cluster TOPIC PARTITIONS
 *
 * Prints its bootstrap servers, then reads commands, a line each, and answers "done" to each:
 *   errors API_KEY CODE...      the next requests of that kind are answered with these errors
 *   rtt MS                      of every broker
 *   down NODE / up NODE
 *   leader PARTITION NODE       moves a partition
 *   coordinator KIND KEY NODE   moves a coordinator; KIND is "group" or "transaction"
 */
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BROKERS = 3, ERRORS_MAX = 64 };

static void errors(rd_kafka_mock_cluster_t* cluster, char* words) {
  rd_kafka_resp_err_t list[ERRORS_MAX];
  size_t count = 0;
  const char* key = strtok(words, " ");
  const char* word;
  while (count < ERRORS_MAX && (word = strtok(NULL, " ")) != NULL) list[count++] = atoi(word);
  rd_kafka_mock_push_request_errors_array(cluster, (int16_t)atoi(key), count, list);
}

static void command(rd_kafka_mock_cluster_t* cluster, const char* topic, char* line) {
  char kind[32];
  char name[256];
  int a;
  int b;
  if (strncmp(line, "errors ", 7) == 0) {
    errors(cluster, line + 7);
  } else if (sscanf(line, "rtt %d", &a) == 1) {
    for (int i = 1; i <= BROKERS; ++i) rd_kafka_mock_broker_set_rtt(cluster, i, a);
  } else if (sscanf(line, "down %d", &a) == 1) {
    rd_kafka_mock_broker_set_down(cluster, a);
  } else if (sscanf(line, "up %d", &a) == 1) {
    rd_kafka_mock_broker_set_up(cluster, a);
  } else if (sscanf(line, "leader %d %d", &a, &b) == 2) {
    rd_kafka_mock_partition_set_leader(cluster, topic, a, b);
  } else if (sscanf(line, "coordinator %31s %255s %d", kind, name, &a) == 3) {
    rd_kafka_mock_coordinator_set(cluster, kind, name, a);
  }
  printf("done\n");
}

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  char why[256];
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  rd_kafka_t* handle = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
  if (handle == NULL) return 1;
  rd_kafka_mock_cluster_t* cluster = rd_kafka_mock_cluster_new(handle, BROKERS);
  rd_kafka_mock_topic_create(cluster, argv[1], atoi(argv[2]), BROKERS);
  setvbuf(stdout, NULL, _IOLBF, 0);
  printf("%s\n", rd_kafka_mock_cluster_bootstraps(cluster));
  char line[1024];
  while (fgets(line, sizeof line, stdin) != NULL) {
    line[strcspn(line, "\n")] = '\0';
    command(cluster, argv[1], line);
  }
  rd_kafka_mock_cluster_destroy(cluster);
  rd_kafka_destroy(handle);
  return 0;
}
