/*
 * librdkafka from C: one operation a process, told by its arguments.
 *
 *   librdkafka_c produce TOPIC [PROPERTY=VALUE]…           records from standard input, in lines
 *   librdkafka_c consume TOPIC PARTITION START COUNT …     START: an offset, -1 latest, -2 earliest
 *   librdkafka_c member TOPIC …                            a member of group.id, until SIGTERM
 *   librdkafka_c commit TOPIC PARTITION OFFSET …           for group.id, without joining
 *   librdkafka_c committed TOPIC PARTITION …
 *   librdkafka_c offset_at TOPIC PARTITION TIMESTAMP …
 *   librdkafka_c ends TOPIC PARTITION …
 *   librdkafka_c transact TOPIC …                          see librdkafka_transactions.c
 *   librdkafka_c transform SOURCE TARGET GROUP ID …
 *
 * A record is a line "R PARTITION OFFSET TIMESTAMP KEY VALUE [NAME= VALUE]…": bytes are "x" and
 * hexadecimal, null is "-". Answers: "D INDEX OFFSET" for each record that was delivered, "A COUNT"
 * for an assignment, "N NUMBER" for a number. A failure is a line "E NAME"; the status is then 1.
 */
#include "librdkafka.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

volatile sig_atomic_t stopped = 0;

static void stop(int number) {
  (void)number;
  stopped = 1;
}

void fail(const char* name) {
  printf("E %s\n", name);
  fflush(stdout);
  exit(1);
}

void check(rd_kafka_resp_err_t error) {
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) fail(rd_kafka_err2name(error));
}

/* --- Lines ------------------------------------------------------------------------------------ */

static void print_bytes(const void* data, size_t size) {
  static const char kDigits[] = "0123456789abcdef";
  const unsigned char* at = data;
  if (data == NULL) {
    fputs(" -", stdout);
    return;
  }
  fputs(" x", stdout);
  for (size_t i = 0; i < size; ++i) {
    putchar(kDigits[at[i] >> 4]);
    putchar(kDigits[at[i] & 15]);
  }
}

/* Decodes in place. Returns NULL for "-". */
static void* bytes_of(char* word, size_t* size) {
  *size = 0;
  if (word[0] != 'x') return NULL;
  char* out = word;
  for (const char* in = word + 1; in[0] != '\0' && in[1] != '\0'; in += 2) {
    const char pair[3] = {in[0], in[1], '\0'};
    *out++ = (char)strtoul(pair, NULL, 16);
    ++*size;
  }
  return word;
}

static void print_record(const rd_kafka_message_t* m) {
  rd_kafka_timestamp_type_t type;
  rd_kafka_headers_t* headers;
  printf(
      "R %d %lld %lld",
      (int)m->partition,
      (long long)m->offset,
      (long long)rd_kafka_message_timestamp(m, &type)
  );
  print_bytes(m->key, m->key_len);
  print_bytes(m->payload, m->len);
  if (rd_kafka_message_headers(m, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR) {
    const char* name;
    const void* value;
    size_t size;
    for (size_t i = 0; rd_kafka_header_get_all(headers, i, &name, &value, &size) == 0; ++i) {
      printf(" %s=", name);
      print_bytes(value, size);
    }
  }
  putchar('\n');
  fflush(stdout);
}

/* --- Producing -------------------------------------------------------------------------------- */

static void delivered(rd_kafka_t* producer, const rd_kafka_message_t* m, void* opaque) {
  (void)producer;
  (void)opaque;
  if (m->err) {
    printf("E %s\n", rd_kafka_err2name(m->err));
  } else {
    printf("D %ld %lld\n", (long)(intptr_t)m->_private, (long long)m->offset);
  }
  fflush(stdout);
}

static rd_kafka_headers_t* headers_of(char** rest) {
  rd_kafka_headers_t* headers = rd_kafka_headers_new(4);
  for (char* name = strtok_r(NULL, "= \n", rest); name; name = strtok_r(NULL, "= \n", rest)) {
    size_t size;
    const void* value = bytes_of(strtok_r(NULL, " \n", rest), &size);
    check(rd_kafka_header_add(headers, name, -1, value, (ssize_t)size));
  }
  return headers;
}

void produce_line(rd_kafka_t* producer, const char* topic, char* line, long index) {
  char* rest;
  size_t key_size, value_size;
  strtok_r(line, " \n", &rest);
  const int partition = atoi(strtok_r(NULL, " \n", &rest));
  strtok_r(NULL, " \n", &rest); /* the offset is not ours to say */
  const long long timestamp = atoll(strtok_r(NULL, " \n", &rest));
  void* key = bytes_of(strtok_r(NULL, " \n", &rest), &key_size);
  void* value = bytes_of(strtok_r(NULL, " \n", &rest), &value_size);
  rd_kafka_headers_t* headers = headers_of(&rest);
  check(rd_kafka_producev(
      producer,
      RD_KAFKA_V_TOPIC(topic),
      RD_KAFKA_V_PARTITION(partition),
      RD_KAFKA_V_TIMESTAMP(timestamp),
      RD_KAFKA_V_KEY(key, key_size),
      RD_KAFKA_V_VALUE(value, value_size),
      RD_KAFKA_V_HEADERS(headers),
      RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
      RD_KAFKA_V_OPAQUE((void*)(intptr_t)index),
      RD_KAFKA_V_END
  ));
  rd_kafka_poll(producer, 0);
}

static void produce(rd_kafka_t* producer, const char* topic) {
  char* line = NULL;
  size_t room = 0;
  for (long index = 0; getline(&line, &room, stdin) > 0; ++index) {
    produce_line(producer, topic, line, index);
  }
  free(line);
  check(rd_kafka_flush(producer, 60000));
}

/* --- Consuming -------------------------------------------------------------------------------- */

static rd_kafka_topic_partition_list_t* one(
    const char* topic, const char* partition, long long at
) {
  rd_kafka_topic_partition_list_t* list = rd_kafka_topic_partition_list_new(1);
  rd_kafka_topic_partition_list_add(list, topic, atoi(partition))->offset = at;
  return list;
}

/* Next record, or NULL: none yet. The hub may be away for a while. */
rd_kafka_message_t* next(rd_kafka_t* consumer) {
  rd_kafka_message_t* m = rd_kafka_consumer_poll(consumer, 100);
  if (m == NULL || m->err == RD_KAFKA_RESP_ERR_NO_ERROR) return m;
  const int away =
      m->err == RD_KAFKA_RESP_ERR__TRANSPORT || m->err == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN;
  if (!away) printf("E %s\n", rd_kafka_err2name(m->err));
  fflush(stdout);
  rd_kafka_message_destroy(m);
  return NULL;
}

static void consume(rd_kafka_t* consumer, char** args) {
  rd_kafka_topic_partition_list_t* where = one(args[0], args[1], atoll(args[2]));
  check(rd_kafka_assign(consumer, where));
  for (long left = atol(args[3]); left > 0 && !stopped;) {
    rd_kafka_message_t* m = next(consumer);
    if (m == NULL) continue;
    print_record(m);
    rd_kafka_message_destroy(m);
    --left;
  }
  rd_kafka_topic_partition_list_destroy(where);
}

static void rebalanced(
    rd_kafka_t* consumer,
    rd_kafka_resp_err_t what,
    rd_kafka_topic_partition_list_t* given,
    void* opaque
) {
  (void)opaque;
  const int assigned = what == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
  if (assigned) printf("A %d\n", given->cnt);
  fflush(stdout);
  check(rd_kafka_assign(consumer, assigned ? given : NULL));
}

static void member(rd_kafka_t* consumer, const char* topic) {
  rd_kafka_topic_partition_list_t* topics = one(topic, "-1", RD_KAFKA_OFFSET_INVALID);
  check(rd_kafka_subscribe(consumer, topics));
  while (!stopped) {
    rd_kafka_message_t* m = next(consumer);
    if (m == NULL) continue;
    print_record(m);
    const rd_kafka_resp_err_t error = rd_kafka_commit_message(consumer, m, 0);
    if (error) printf("E %s\n", rd_kafka_err2name(error)); /* a rebalance, or the hub is away */
    rd_kafka_message_destroy(m);
  }
  rd_kafka_topic_partition_list_destroy(topics);
}

/* --- Asking ----------------------------------------------------------------------------------- */

static void ask(rd_kafka_t* consumer, const char* what, char** args, int count) {
  int64_t low = 0, high = 0;
  if (strcmp(what, "ends") == 0 && count == 2) {
    check(rd_kafka_query_watermark_offsets(consumer, args[0], atoi(args[1]), &low, &high, 10000));
    printf("N %lld\nN %lld\n", (long long)low, (long long)high);
    return;
  }
  rd_kafka_topic_partition_list_t* where = one(args[0], args[1], count > 2 ? atoll(args[2]) : 0);
  if (strcmp(what, "commit") == 0) {
    check(rd_kafka_commit(consumer, where, 0));
  } else if (strcmp(what, "committed") == 0) {
    check(rd_kafka_committed(consumer, where, 10000));
  } else {
    check(rd_kafka_offsets_for_times(consumer, where, 10000));
  }
  check(where->elems[0].err);
  printf("N %lld\n", (long long)where->elems[0].offset);
  rd_kafka_topic_partition_list_destroy(where);
}

static void set(rd_kafka_conf_t* conf, char* property) {
  char error[256];
  char* value = strchr(property, '=');
  *value++ = '\0';
  if (rd_kafka_conf_set(conf, property, value, error, sizeof error) != RD_KAFKA_CONF_OK)
    fail(error);
}

int main(int argc, char** argv) {
  char error[256];
  if (argc < 3) return 2;
  const char* what = argv[1];
  const int transacting = strcmp(what, "transact") == 0;
  const int producing = transacting || strcmp(what, "produce") == 0;
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  int positional = 2; /* the properties begin where a word has a '=' */
  while (positional < argc && strchr(argv[positional], '=') == NULL) ++positional;
  for (int i = positional; i < argc; ++i) set(conf, argv[i]);
  if (producing) rd_kafka_conf_set_dr_msg_cb(conf, delivered);
  if (strcmp(what, "member") == 0) rd_kafka_conf_set_rebalance_cb(conf, rebalanced);
  signal(SIGTERM, stop);
  if (strcmp(what, "transform") == 0 && positional == 6) transform(conf, argv + 2);

  rd_kafka_t* client =
      rd_kafka_new(producing ? RD_KAFKA_PRODUCER : RD_KAFKA_CONSUMER, conf, error, sizeof error);
  if (client == NULL) fail(error);
  if (!producing) rd_kafka_poll_set_consumer(client);
  if (transacting) {
    transact(client, argv[2]);
  } else if (producing) {
    produce(client, argv[2]);
  } else if (strcmp(what, "consume") == 0 && positional == 6) {
    consume(client, argv + 2);
  } else if (strcmp(what, "member") == 0) {
    member(client, argv[2]);
  } else {
    ask(client, what, argv + 2, positional - 2);
  }
  if (!producing) check(rd_kafka_consumer_close(client));
  rd_kafka_destroy(client);
  return 0;
}
