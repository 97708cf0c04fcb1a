// Every message in every version with anything in it: written, read, cut off, changed.
#include <gtest/gtest.h>

#include "hub/kafka/codec.h"
#include "tests/support/kafka_any_message.h"
#include "tests/unit/kafka/every_version.h"
#include "tests/unit/kafka/tagged_writer.h"
#include "tests/unit/kafka/wire_bytes.h"

namespace runnel::kafka {
namespace {

template <class Message>
Bytes encoded(const Message& message, Version version) {
  Bytes out;
  encode_body(message, version, out);
  return out;
}

TEST(KafkaMessages, ReadBackAsTheyWereWritten) {
  test::Random random;
  for_each_message([&]<class Message>(Version version) {
    for (int i = 0; i < 20; ++i) {
      Filler filler(random, version);
      Message message;
      message.io(filler);
      const Bytes written = encoded(message, version);
      const Exact body(written);
      const Result<Message> read = decode_body<Message>(body.view(), version);
      ASSERT_TRUE(read);
      ASSERT_EQ(encoded(*read, version), written);
    }
  });
}

TEST(KafkaMessages, FieldsThatAVersionLacksKeepTheirDefaults) {
  test::Random random;
  for_each_message([&]<class Message>(Version version) {
    for (int i = 0; i < 10; ++i) {
      Filler filler(random, version);
      Message message;
      message.io(filler);
      const Bytes written = encoded(message, version);
      const Result<Message> read = decode_body<Message>(written, version);
      ASSERT_TRUE(read);
      const Version latest = Message::kApi.max;
      ASSERT_EQ(encoded(*read, latest), encoded(message, latest));
    }
  });
}

TEST(KafkaMessages, CutOffAnywhereAreRefused) {
  test::Random random;
  for_each_message([&]<class Message>(Version version) {
    Filler filler(random, version);
    Message message;
    message.io(filler);
    const Bytes written = encoded(message, version);
    // All cuts of a short message, some of a long one.
    const std::size_t step = written.size() / 500 + 1;
    for (std::size_t n = 0; n < written.size(); n += step) {
      const Exact body(ByteView(written).substr(0, n));
      ASSERT_EQ(decode_body<Message>(body.view(), version).error(), Errc::malformed) << n;
    }
  });
}

TEST(KafkaMessages, LeaveAloneWhatFollowsTheLastField) {
  test::Random random;
  for_each_message([&]<class Message>(Version version) {
    Filler filler(random, version);
    Message message;
    message.io(filler);
    const Bytes written = encoded(message, version);
    const Bytes longer = written + "more";
    const Result<Message> read = decode_body<Message>(longer, version);
    ASSERT_TRUE(read);
    ASSERT_EQ(encoded(*read, version), written);
  });
}

TEST(KafkaMessages, AreReadWhateverTaggedFieldsTheyCarry) {
  test::Random random;
  int flexible = 0;
  for_each_message([&]<class Message>(Version version) {
    if (!Message::kApi.is_flexible(version)) return;
    ++flexible;
    Filler filler(random, version);
    Message message;
    message.io(filler);
    Bytes tagged;
    TaggedWriter writer(tagged, version);
    message.io(writer);
    writer.tags();
    ASSERT_GT(tagged.size(), encoded(message, version).size());
    const Exact body(tagged);
    const Result<Message> read = decode_body<Message>(body.view(), version);
    ASSERT_TRUE(read);
    ASSERT_EQ(encoded(*read, version), encoded(message, version));
  });
  EXPECT_GT(flexible, 100);
}

// Whatever a peer sends, it is refused or it is a message, and a message can be written.
TEST(KafkaMessages, WithAnyByteChangedAreRefusedOrReadAsAnother) {
  test::Random random;
  for_each_message([&]<class Message>(Version version) {
    Filler filler(random, version);
    Message message;
    message.io(filler);
    const Bytes written = encoded(message, version);
    for (int i = 0; i < 100 && !written.empty(); ++i) {
      Bytes changed = written;
      changed[random.between(0, changed.size() - 1)] = static_cast<char>(random.between(0, 255));
      const Exact body(changed);
      const Result<Message> read = decode_body<Message>(body.view(), version);
      if (!read) continue;
      const Bytes rewritten = encoded(*read, version);
      const Result<Message> again = decode_body<Message>(rewritten, version);
      ASSERT_TRUE(again);
      ASSERT_EQ(encoded(*again, version), rewritten);
    }
  });
}

}  // namespace
}  // namespace runnel::kafka
