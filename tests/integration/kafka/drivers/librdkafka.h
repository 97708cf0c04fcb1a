/* What the two halves of the C driver share; see librdkafka.c. */
#pragma once

#include <librdkafka/rdkafka.h>
#include <signal.h>

extern volatile sig_atomic_t stopped; /* by SIGTERM */

/* Says "E NAME" and ends the process. */
void fail(const char* name);
void check(rd_kafka_resp_err_t error);

/* A record of a line "R …", which is changed; `index` comes back with its delivery. */
void produce_line(rd_kafka_t* producer, const char* topic, char* line, long index);

/* Next record, or NULL: none yet. The hub may be away for a while. */
rd_kafka_message_t* next(rd_kafka_t* consumer);

/* Takes lines until the end of the input. */
void transact(rd_kafka_t* producer, const char* topic);

/* `args`: source, target, group, transactional id. Does not return. Owns `conf`. */
void transform(rd_kafka_conf_t* conf, char** args);
