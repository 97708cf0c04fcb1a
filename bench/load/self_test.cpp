#include "bench/load/self_test.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "bench/load/histogram.h"
#include "bench/load/stamp.h"
#include "bench/load/subscriber.h"
#include "bench/load/verifier.h"
#include "bench/load/wire.h"

namespace runnel::bench {

namespace {

int failures = 0;

void expect(bool holds, const char* words, int line) {
  if (holds) return;
  ++failures;
  std::fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, line, words);
}

#define EXPECT(condition) expect((condition), #condition, __LINE__)

std::string ack_bytes(PacketType type, std::uint16_t id) {
  std::string out(kAckBytes, '\0');
  encode_ack(out.data(), type, id);
  return out;
}

// --- wire ---------------------------------------------------------------------------------------

void test_connect_against_the_specification() {
  ConnectFields fields;
  fields.client_id = "a";
  fields.keep_alive_s = 10;
  EXPECT(
      encode_connect(fields) == std::string(
                                    "\x10\x0d\0\x04MQTT\x04\x02\0\x0a\0\x01"
                                    "a",
                                    15
                                )
  );
  fields.protocol = Protocol::v5;
  fields.clean_start = false;
  fields.session_expiry_s = 0x01020304;
  fields.receive_maximum = 0x0506;
  const std::string properties("\x08\x11\x01\x02\x03\x04\x21\x05\x06", 9);
  EXPECT(
      encode_connect(fields) == std::string("\x10\x16\0\x04MQTT\x05\0\0\x0a", 12) + properties +
                                    std::string(
                                        "\0\x01"
                                        "a",
                                        3
                                    )
  );
  EXPECT(
      encode_subscribe(Protocol::v311, 10, "a/b", 1) == std::string(
                                                            "\x82\x08\0\x0a\0\x03"
                                                            "a/b\x01",
                                                            10
                                                        )
  );
  EXPECT(
      encode_subscribe(Protocol::v5, 10, "a/b", 2) == std::string(
                                                          "\x82\x09\0\x0a\0\0\x03"
                                                          "a/b\x02",
                                                          11
                                                      )
  );
  EXPECT(ack_bytes(PacketType::puback, 0x1234) == std::string("\x40\x02\x12\x34"));
  EXPECT(ack_bytes(PacketType::pubrel, 0x1234) == std::string("\x62\x02\x12\x34"));
}

void test_publish_comes_back_as_it_went(
    Protocol protocol, unsigned qos, std::size_t payload_bytes
) {
  PublishTemplate message = encode_publish(protocol, "plant/7", qos, payload_bytes);
  if (qos > 0) message.packet[message.packet_id_at + 1] = 9;
  write_stamp(message.packet.data() + message.payload_at, {1, 2, 3, 4});
  Frame frame;
  Publish publish;
  Stamp stamp;
  EXPECT(next_frame(message.packet, frame) == Scan::frame);
  EXPECT(frame.bytes == message.packet.size());
  EXPECT(decode_publish(frame, protocol, publish));
  EXPECT(publish.topic == "plant/7");
  EXPECT(publish.qos == qos);
  EXPECT(publish.packet_id == (qos > 0 ? 9 : 0));
  EXPECT(publish.payload.size() == payload_bytes);
  EXPECT(read_stamp(publish.payload, stamp));
  EXPECT(stamp.run == 1 && stamp.stream == 2 && stamp.sequence == 3 && stamp.sent_ns == 4);
  for (std::size_t cut = 0; cut < std::min<std::size_t>(message.packet.size(), 300); ++cut) {
    EXPECT(next_frame(std::string_view(message.packet).substr(0, cut), frame) == Scan::incomplete);
  }
}

void test_answers_of_a_broker() {
  Connack connack;
  EXPECT(decode_connack(std::string_view("\x01\x00", 2), Protocol::v311, connack));
  EXPECT(connack.session_present && connack.code == 0);
  // Maximum QoS, Receive Maximum, a reason string, a user property, Server Keep Alive.
  const std::string properties("\x24\x01\x21\0\x14\x1f\0\x02ok\x26\0\x01k\0\x01v\x13\0\x1e", 20);
  std::string body("\0\0\x14", 3);
  body += properties;
  EXPECT(decode_connack(body, Protocol::v5, connack));
  EXPECT(connack.receive_maximum == 20 && connack.server_keep_alive_s == 30);
  for (std::size_t cut = 1; cut < body.size(); ++cut) {
    // Two bytes alone are the older form of a refusal, and this is none.
    EXPECT(!decode_connack(std::string_view(body).substr(0, cut), Protocol::v5, connack));
  }
  Ack ack;
  EXPECT(decode_ack(std::string_view("\0\x07\x97\0", 4), ack));
  EXPECT(ack.packet_id == 7 && ack.reason == 0x97);
  EXPECT(!decode_ack(std::string_view("\0\0", 2), ack));
  EXPECT(
      decode_suback(std::string_view("\0\x01\x80", 3), Protocol::v311, ack) && ack.reason == 0x80
  );
  EXPECT(decode_suback(std::string_view("\0\x01\0\x01", 4), Protocol::v5, ack) && ack.reason == 1);
  Frame frame;
  EXPECT(next_frame(std::string_view("\x30\xff\xff\xff\xff\x01", 6), frame) == Scan::malformed);
  frame.first = 0x36;
  frame.body = std::string_view(
      "\0\x01"
      "a\0\x01",
      5
  );
  Publish publish;
  EXPECT(!decode_publish(frame, Protocol::v311, publish));
}

void test_wire() {
  test_connect_against_the_specification();
  for (const Protocol protocol : {Protocol::v311, Protocol::v5}) {
    for (const unsigned qos : {0U, 1U, 2U}) {
      for (const std::size_t bytes : {std::size_t{24}, std::size_t{100}, std::size_t{70'000}}) {
        test_publish_comes_back_as_it_went(protocol, qos, bytes);
      }
    }
  }
  test_answers_of_a_broker();
}

// --- histogram ----------------------------------------------------------------------------------

void test_histogram() {
  std::mt19937_64 random(7);
  std::vector<std::uint64_t> values;
  Histogram one;
  Histogram other;
  for (int i = 0; i < 20'000; ++i) {
    const std::uint64_t value = random() >> (24 + random() % 40);  // 0 to 2^40, many of each size
    values.push_back(value);
    (i % 2 == 0 ? one : other).record(value);
  }
  one.merge(other);
  std::sort(values.begin(), values.end());
  EXPECT(one.count() == values.size());
  EXPECT(one.max() == values.back());
  for (std::size_t rank = 1; rank <= values.size(); rank += 37) {
    const std::uint64_t exact = values[rank - 1];
    const std::uint64_t said =
        one.quantile(static_cast<double>(rank) / static_cast<double>(values.size()));
    EXPECT(said >= exact);
    EXPECT(said - exact <= exact / 128 + 1);
  }
  EXPECT(Histogram{}.quantile(0.99) == 0);
  Histogram single;
  single.record(1'000'003);
  EXPECT(single.quantile(0) == 1'000'003 && single.quantile(1) == 1'000'003);
}

// --- verifier -----------------------------------------------------------------------------------

Verifier after(const std::vector<std::uint64_t>& sequence) {
  Verifier v(0, 1);
  for (const std::uint64_t s : sequence) v.receive(0, s);
  return v;
}

bool is(
    const Verifier& v,
    std::uint64_t sent,
    std::uint64_t lost,
    std::uint64_t repeats,
    std::uint64_t reordered
) {
  return v.missing(0, sent) == lost && v.totals().repeats == repeats &&
         v.totals().reordered == reordered;
}

void test_verifier_by_hand() {
  EXPECT(is(after({0, 1, 2, 3}), 4, 0, 0, 0));
  EXPECT(is(after({}), 4, 4, 0, 0));                  // everything lost
  EXPECT(is(after({0, 1, 2}), 4, 1, 0, 0));           // the last one lost
  EXPECT(is(after({1, 2, 3}), 4, 1, 0, 0));           // the first one lost
  EXPECT(is(after({0, 3}), 4, 2, 0, 0));              // two in the middle lost
  EXPECT(is(after({0, 1, 1, 2, 3}), 4, 0, 1, 0));     // one repeated at once
  EXPECT(is(after({0, 1, 2, 3, 0}), 4, 0, 1, 0));     // and later
  EXPECT(is(after({0, 1, 2, 1, 2, 3}), 4, 0, 2, 0));  // sent again from an earlier one, in order
  EXPECT(is(after({0, 2, 1, 3}), 4, 0, 0, 1));        // two exchanged
  EXPECT(is(after({3, 2, 1, 0}), 4, 0, 0, 3));        // all the wrong way round
  EXPECT(is(after({0, 4, 2, 2, 1}), 6, 2, 1, 2));     // everything at once: 3 and 5 lost
  EXPECT(after({0, 1, 7}).invented(0, 2) == 1);       // 7 was never sent
  EXPECT(after({0, 1, 7}).missing(0, 2) == 0);
  EXPECT(after({0, 2}).has(0, 0) && after({0, 2}).has(0, 2));
  EXPECT(!after({0, 2}).has(0, 1) && !after({0, 2}).has(0, 3));

  Verifier narrow(5, 2);
  EXPECT(narrow.receive(5, 0) == Arrival::in_order);
  EXPECT(narrow.receive(6, 1) == Arrival::after_gap);
  EXPECT(narrow.receive(6, 0) == Arrival::late);
  EXPECT(narrow.receive(6, 0) == Arrival::repeat);
  EXPECT(narrow.receive(7, 0) == Arrival::misrouted);
  EXPECT(narrow.receive(4, 0) == Arrival::misrouted);
  EXPECT(narrow.totals().misrouted == 2 && narrow.totals().distinct == 3);
  EXPECT(narrow.owes(6) && !narrow.owes(7) && !narrow.owes(4));
}

// Random mutilation, counted the slow and obvious way.
void test_verifier_against_a_set() {
  std::mt19937 random(11);
  for (int round = 0; round < 300; ++round) {
    std::vector<std::uint64_t> arriving;
    const std::uint64_t sent = 1 + random() % 200;
    for (std::uint64_t s = 0; s < sent; ++s) {
      if (random() % 10 != 0) arriving.push_back(s);
      if (random() % 10 == 0) arriving.push_back(random() % sent);
    }
    for (std::size_t i = 1; i < arriving.size(); ++i) {
      if (random() % 5 == 0) std::swap(arriving[i], arriving[i - 1]);
    }
    std::set<std::uint64_t> seen;
    std::uint64_t repeats = 0;
    std::uint64_t reordered = 0;
    for (const std::uint64_t s : arriving) {
      if (seen.contains(s)) {
        ++repeats;
      } else {
        if (!seen.empty() && s < *seen.rbegin()) ++reordered;
        seen.insert(s);
      }
    }
    const Verifier v = after(arriving);
    EXPECT(is(v, sent, sent - seen.size(), repeats, reordered));
    EXPECT(v.totals().distinct == seen.size());
    for (std::uint64_t s = 0; s < sent; ++s) EXPECT(v.has(0, s) == seen.contains(s));
  }
}

void test_verifier() {
  test_verifier_by_hand();
  test_verifier_against_a_set();
}

// --- subscriber ---------------------------------------------------------------------------------

constexpr std::uint32_t kRun = 77;

struct Feed {
  Options options;
  Address address;
  Loop loop;
  Subscriber subscriber;

  explicit Feed(Verifier verifier)
      : loop(options, -1, kRun),
        subscriber(loop, address, {}, Subscriber::Kind::live, "load/#", std::move(verifier)) {}

  bool take(const std::string& topic, unsigned qos, std::uint16_t id, const Stamp& stamp) {
    PublishTemplate message = encode_publish(Protocol::v311, topic, qos, 40);
    if (qos > 0) message.packet[message.packet_id_at + 1] = static_cast<char>(id);
    write_stamp(message.packet.data() + message.payload_at, stamp);
    Frame frame;
    return next_frame(message.packet, frame) == Scan::frame &&
           subscriber.take_publish(frame, stamp.sent_ns + 1000);
  }
};

void test_subscriber() {
  Feed feed(Verifier(0, 3));
  EXPECT(feed.take("load/0", 1, 1, {kRun, 0, 0, 0}));
  EXPECT(feed.take("load/2", 1, 2, {kRun, 2, 0, 0}));
  EXPECT(feed.take("load/0", 1, 3, {kRun, 0, 1, 0}));
  const auto& totals = feed.subscriber.verifier().totals();
  EXPECT(totals.distinct == 3 && totals.repeats + totals.reordered + totals.misrouted == 0);
  EXPECT(
      feed.loop.out.view() == ack_bytes(PacketType::puback, 1) + ack_bytes(PacketType::puback, 2) +
                                  ack_bytes(PacketType::puback, 3)
  );
  EXPECT(feed.loop.tally.live_latency.count() == 3 && feed.loop.tally.live_latency.max() == 1000);

  // On another MQTT topic than it was published on, or on one that only looks like it.
  for (const char* topic : {"load/1", "load/00x", "load/", "load", "other/0", "load/0/0"}) {
    EXPECT(feed.take(topic, 0, 0, {kRun, 0, 2, 0}));
  }
  EXPECT(totals.misrouted == 6 && totals.distinct == 3);
  EXPECT(feed.take("load/3", 0, 0, {kRun, 3, 0, 0}));
  EXPECT(totals.misrouted == 7);
  EXPECT(feed.take("load/0", 0, 0, {kRun + 1, 0, 2, 0}));
  EXPECT(feed.loop.tally.foreign == 1 && totals.distinct == 3);

  // QoS 1 sent again counts as a repeat; QoS 2 sent again before its PUBREL is the same delivery.
  EXPECT(feed.take("load/0", 1, 3, {kRun, 0, 1, 0}));
  EXPECT(totals.repeats == 1);
  feed.loop.out.clear();
  EXPECT(feed.take("load/0", 2, 4, {kRun, 0, 2, 0}));
  EXPECT(feed.take("load/0", 2, 4, {kRun, 0, 2, 0}));
  EXPECT(totals.repeats == 1 && totals.distinct == 4);
  EXPECT(
      feed.loop.out.view() == ack_bytes(PacketType::pubrec, 4) + ack_bytes(PacketType::pubrec, 4)
  );
  EXPECT(feed.take("load/0", 2, 5, {kRun, 0, 2, 0}));
  EXPECT(totals.repeats == 2);
}

#undef EXPECT

}  // namespace

int run_self_test(const std::string& part) {
  if (part == "wire") test_wire();
  if (part == "histogram") test_histogram();
  if (part == "verifier") test_verifier();
  if (part == "subscriber") test_subscriber();
  return failures == 0 ? 0 : 1;
}

}  // namespace runnel::bench
