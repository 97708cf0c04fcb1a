#include "storage/log/control_batch.h"

#include <gtest/gtest.h>

#include "storage/log/foreign_batch.h"
#include "tests/support/batches.h"

namespace runnel::log {
namespace {

using namespace std::string_literals;
using test::with_field;
using test::with_payload;

const TransactionMarker kMarker{7000, 3, true, 5, 1'700'000'000'000};

// The record of kMarker, by hand: 16 bytes; attributes, deltas; key; value; no headers.
const Bytes kRecord =
    "\x20\0\0\0"
    "\x08\0\0\0\x01"
    "\x0c\0\0\0\0\0\x05"
    "\0"s;

TEST(ControlBatch, IsLaidOutAsKafkaWritesIt) {
  const Bytes batch = control_batch(Offset(42), kMarker);
  EXPECT_EQ(batch.substr(kBatchHeadBytes), kRecord);
  ASSERT_TRUE(BatchView::parse(batch, true));
  const auto facts = read_batch_head(batch);
  ASSERT_TRUE(facts);
  EXPECT_EQ(facts->base, Offset(42));
  EXPECT_EQ(facts->attributes, 0x30) << "transactional and control";
  EXPECT_EQ(facts->producer_id, 7000);
  EXPECT_EQ(facts->producer_epoch, 3);
  EXPECT_EQ(facts->base_sequence, -1);
  EXPECT_EQ(facts->records, 1);
  EXPECT_EQ(facts->last_offset_delta, 0);
  EXPECT_EQ(facts->max_timestamp_ms, kMarker.timestamp_ms);
}

TEST(ControlBatch, SaysWhatItWasToldToSay) {
  for (const bool commit : {false, true}) {
    TransactionMarker marker = kMarker;
    marker.commit = commit;
    const Bytes batch = control_batch(Offset(1), marker);
    EXPECT_TRUE(is_control(batch));
    const auto read = read_marker(batch);
    ASSERT_TRUE(read);
    EXPECT_EQ(*read, marker);
  }
}

TEST(ControlBatch, LaterVersionsAreReadAsFarAsTheFirstGoes) {
  const Bytes batch = control_batch(Offset(1), kMarker);
  const Bytes later =
      "\x24\0\0\0"
      "\x08\0\x01\0\x01"
      "\x10\0\x01\0\0\0\x05\xab\xcd"
      "\0"s;
  const auto read = read_marker(with_payload(batch, later));
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, kMarker);
}

TEST(ControlBatch, WhatIsNoMarkerIsNotReadAsOne) {
  const auto errc = [](const Bytes& batch) {
    const auto marker = read_marker(batch);
    return marker ? Errc::ok : errc_of(marker.error());
  };
  const Bytes batch = control_batch(Offset(1), kMarker);
  const Bytes data = test::produced({{"\0\0\0\1"s, "\0\0\0\0\0\5"s, {}, 1}});
  EXPECT_FALSE(is_control(data));
  EXPECT_EQ(errc(data), Errc::invalid_argument);
  EXPECT_EQ(errc(""), Errc::invalid_argument);
  EXPECT_EQ(errc(batch.substr(0, 70)), Errc::damaged);

  const struct {
    const char* what;
    Bytes record;
    Errc errc;
  } cases[] = {
      {"another type", "\x20\0\0\0\x08\0\0\0\x02\x0c\0\0\0\0\0\x05\0"s, Errc::invalid_argument},
      {"no key", "\x18\0\0\0\x01\x0c\0\0\0\0\0\x05\0"s, Errc::damaged},
      {"a short key", "\x1e\0\0\0\x06\0\0\0\x0c\0\0\0\0\0\x05\0"s, Errc::damaged},
      {"no value", "\x14\0\0\0\x08\0\0\0\x01\x01\0"s, Errc::damaged},
      {"a short value", "\x1e\0\0\0\x08\0\0\0\x01\x0a\0\0\0\0\x05\0"s, Errc::damaged},
      {"no record", "", Errc::damaged},
  };

  for (const auto& c : cases) EXPECT_EQ(errc(with_payload(batch, c.record)), c.errc) << c.what;
}

TEST(ControlBatch, MayNotComeFromAClient) {
  const Bytes batch = control_batch(Offset(0), kMarker);
  EXPECT_EQ(check_foreign_batch(batch, {}).fault, BatchFault::control);
}

}  // namespace
}  // namespace runnel::log
