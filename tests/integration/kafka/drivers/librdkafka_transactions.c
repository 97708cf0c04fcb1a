/*
 * Transactions with librdkafka from C.
 *
 * transact: lines of records, as `produce` has them, and "O GROUP TOPIC PARTITION OFFSET" belong to
 * a transaction that the first of them begins; "commit", "abort" and "open", which leaves it as it
 * is, are answered with "OK". transform: see Client.transformer in kafka_client.py.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "librdkafka.h"

enum { kPatienceMs = 30000, kBatch = 20, kAbortsOneOf = 4 };

static void succeed(rd_kafka_error_t* error) {
  if (error) fail(rd_kafka_error_name(error));
}

static void flush(rd_kafka_t* producer) {
  check(rd_kafka_flush(producer, kPatienceMs));
}

/* --- transact --------------------------------------------------------------------------------- */

static void send_offset(rd_kafka_t* producer, char* line) {
  char group[128], topic[128];
  int partition;
  long long offset;
  if (sscanf(line, "O %127s %127s %d %lld", group, topic, &partition, &offset) != 4) fail(line);
  rd_kafka_topic_partition_list_t* list = rd_kafka_topic_partition_list_new(1);
  rd_kafka_topic_partition_list_add(list, topic, partition)->offset = offset;
  rd_kafka_consumer_group_metadata_t* of = rd_kafka_consumer_group_metadata_new(group);
  succeed(rd_kafka_send_offsets_to_transaction(producer, list, of, kPatienceMs));
  rd_kafka_consumer_group_metadata_destroy(of);
  rd_kafka_topic_partition_list_destroy(list);
}

void transact(rd_kafka_t* producer, const char* topic) {
  char* line = NULL;
  size_t room = 0;
  int open = 0;
  succeed(rd_kafka_init_transactions(producer, kPatienceMs));
  for (long index = 0; getline(&line, &room, stdin) > 0; ++index) {
    if (!open) succeed(rd_kafka_begin_transaction(producer));
    open = 1;
    if (line[0] == 'R') {
      produce_line(producer, topic, line, index);
      continue;
    }
    if (line[0] == 'O') {
      send_offset(producer, line);
      continue;
    }
    flush(producer);
    if (strcmp(line, "commit\n") == 0) {
      succeed(rd_kafka_commit_transaction(producer, kPatienceMs));
      open = 0;
    } else if (strcmp(line, "abort\n") == 0) {
      succeed(rd_kafka_abort_transaction(producer, kPatienceMs));
      open = 0;
    }
    printf("OK\n");
    fflush(stdout);
  }
  free(line);
}

/* --- transform -------------------------------------------------------------------------------- */

struct transformer {
  rd_kafka_t* consumer;
  rd_kafka_t* producer;
  const char* target;
  rd_kafka_message_t* batch[kBatch];
  int count;
};

static void forget(struct transformer* t) {
  while (t->count > 0) rd_kafka_message_destroy(t->batch[--t->count]);
}

/* What was read before and is in no transaction yet is somebody else's. */
static void rebalanced(
    rd_kafka_t* consumer,
    rd_kafka_resp_err_t what,
    rd_kafka_topic_partition_list_t* given,
    void* opaque
) {
  const int assigned = what == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
  forget(opaque);
  check(rd_kafka_assign(consumer, assigned ? given : NULL));
}

static void fill(struct transformer* t) {
  while (!stopped && t->count < kBatch) {
    rd_kafka_message_t* m = next(t->consumer);
    if (m != NULL) {
      t->batch[t->count++] = m;
    } else if (t->count > 0) {
      return;
    }
  }
}

/* Does not return from an error: another process takes over. */
static void proceed(struct transformer* t, rd_kafka_error_t* error) {
  if (error == NULL) return;
  printf("E %s\n", rd_kafka_error_name(error));
  if (rd_kafka_error_txn_requires_abort(error)) {
    succeed(rd_kafka_abort_transaction(t->producer, kPatienceMs));
  }
  forget(t);
  rd_kafka_consumer_close(t->consumer);
  exit(1);
}

static void send_offsets(struct transformer* t) {
  rd_kafka_topic_partition_list_t* list = rd_kafka_topic_partition_list_new(kBatch);
  for (int i = 0; i < t->count; ++i) {
    const rd_kafka_message_t* m = t->batch[i];
    const char* topic = rd_kafka_topic_name(m->rkt);
    rd_kafka_topic_partition_t* at = rd_kafka_topic_partition_list_find(list, topic, m->partition);
    if (at == NULL) at = rd_kafka_topic_partition_list_add(list, topic, m->partition);
    at->offset = m->offset + 1;
  }
  rd_kafka_consumer_group_metadata_t* of = rd_kafka_consumer_group_metadata(t->consumer);
  proceed(t, rd_kafka_send_offsets_to_transaction(t->producer, list, of, kPatienceMs));
  rd_kafka_consumer_group_metadata_destroy(of);
  rd_kafka_topic_partition_list_destroy(list);
}

static void transaction(struct transformer* t, int commit) {
  proceed(t, rd_kafka_begin_transaction(t->producer));
  for (int i = 0; i < t->count; ++i) {
    const rd_kafka_message_t* m = t->batch[i];
    check(rd_kafka_producev(
        t->producer,
        RD_KAFKA_V_TOPIC(t->target),
        RD_KAFKA_V_KEY(m->payload, m->len),
        RD_KAFKA_V_VALUE(m->payload, m->len),
        RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
        RD_KAFKA_V_END
    ));
  }
  send_offsets(t);
  if (commit) {
    proceed(t, rd_kafka_commit_transaction(t->producer, kPatienceMs));
  } else {
    rd_kafka_flush(t->producer, kPatienceMs); /* so that there is something to abort */
    proceed(t, rd_kafka_abort_transaction(t->producer, kPatienceMs));
  }
  printf("%c %d\n", commit ? 'T' : 'X', t->count);
  fflush(stdout);
}

static void set(rd_kafka_conf_t* conf, const char* property, const char* value) {
  char error[256];
  if (rd_kafka_conf_set(conf, property, value, error, sizeof error) != RD_KAFKA_CONF_OK)
    fail(error);
}

static rd_kafka_t* started(rd_kafka_type_t type, rd_kafka_conf_t* conf) {
  char error[256];
  rd_kafka_t* client = rd_kafka_new(type, conf, error, sizeof error);
  if (client == NULL) fail(error);
  return client;
}

void transform(rd_kafka_conf_t* conf, char** args) {
  static struct transformer t;
  rd_kafka_conf_t* reading = rd_kafka_conf_dup(conf);
  set(conf, "transactional.id", args[3]);
  set(conf, "transaction.timeout.ms", "6000");
  set(reading, "group.id", args[2]);
  set(reading, "enable.auto.commit", "false");
  set(reading, "auto.offset.reset", "earliest");
  set(reading, "session.timeout.ms", "6000");
  set(reading, "heartbeat.interval.ms", "500");
  rd_kafka_conf_set_rebalance_cb(reading, rebalanced);
  rd_kafka_conf_set_opaque(reading, &t);
  t.target = args[1];
  t.producer = started(RD_KAFKA_PRODUCER, conf);
  succeed(rd_kafka_init_transactions(t.producer, kPatienceMs));
  t.consumer = started(RD_KAFKA_CONSUMER, reading);
  rd_kafka_poll_set_consumer(t.consumer);
  rd_kafka_topic_partition_list_t* topics = rd_kafka_topic_partition_list_new(1);
  rd_kafka_topic_partition_list_add(topics, args[0], RD_KAFKA_PARTITION_UA);
  check(rd_kafka_subscribe(t.consumer, topics));
  rd_kafka_topic_partition_list_destroy(topics);
  for (int number = 1; !stopped; ++number) {
    fill(&t);
    if (stopped) break;
    if (number % kAbortsOneOf == 0) transaction(&t, 0);
    transaction(&t, 1);
    forget(&t);
  }
  forget(&t);
  rd_kafka_consumer_close(t.consumer);
  exit(0);
}
