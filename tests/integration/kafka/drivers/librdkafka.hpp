// What the two halves of the C++ driver share; see librdkafka.cpp.
#pragma once

#include <librdkafka/rdkafkacpp.h>

#include <csignal>
#include <memory>
#include <string>
#include <vector>

extern volatile std::sig_atomic_t stopped;  // by SIGTERM

// Says "E NAME" and ends the process.
[[noreturn]] void fail(const std::string& name);
void check(RdKafka::ErrorCode error);

// Says of each record that has an index where it was stored.
class Deliveries : public RdKafka::DeliveryReportCb {
 public:
  void dr_cb(RdKafka::Message& m) override;
};

// A record of a line "R …"; `i` comes back with its delivery.
void produce_line(RdKafka::Producer& producer, const std::string& topic, std::string line, long i);

// Next record; null: none yet. The hub may be away for a while.
std::unique_ptr<RdKafka::Message> next(RdKafka::KafkaConsumer& consumer);

// Takes lines until the end of the input.
void transact(RdKafka::Conf& conf, const std::string& topic);

// `args`: source, target, group, transactional id.
void transform(RdKafka::Conf& conf, const std::vector<std::string>& args);
