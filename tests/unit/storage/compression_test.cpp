#include "storage/log/compression.h"

#include <lz4frame.h>
#include <zstd.h>

#include <ostream>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/batches.h"
#include "tests/support/bombs.h"
#include "tests/support/heap_peak.h"
#include "tests/support/seed.h"

namespace runnel::log {
namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;
using test::kCodecs;
using test::Random;

constexpr std::size_t kMebibyte = std::size_t{1} << 20;

// Noise, runs, text that repeats itself, and mixtures.
Bytes sample(Random& random, std::size_t bytes) {
  Bytes out;
  const std::uint64_t kind = random.between(0, 3);
  while (out.size() < bytes) {
    if (kind == 0 || (kind == 3 && random.one_in(4))) {
      out += random.bytes(random.between(1, 100));
    } else if (kind == 1) {
      out.append(random.between(1, 300), static_cast<char>('a' + random.between(0, 3)));
    } else {
      out += "{\"celsius\":" + std::to_string(random.between(100, 300)) + ",\"ok\":true}";
    }
  }
  out.resize(bytes);
  return out;
}

// What a stream of zstd looks like whose writer did not know how much would come.
Bytes zstd_without_size(ByteView input, int level) {
  ZSTD_CCtx* context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, level);
  ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 0);
  ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
  Bytes out(ZSTD_compressBound(input.size()), '\0');
  const std::size_t n = ZSTD_compress2(context, out.data(), out.size(), input.data(), input.size());
  ZSTD_freeCCtx(context);
  EXPECT_EQ(ZSTD_isError(n), 0U);
  out.resize(n);
  return out;
}

Bytes lz4_frame(ByteView input, LZ4F_blockSizeID_t block, LZ4F_blockMode_t mode) {
  LZ4F_preferences_t preferences{};
  preferences.frameInfo.blockSizeID = block;
  preferences.frameInfo.blockMode = mode;
  preferences.frameInfo.contentChecksumFlag = LZ4F_contentChecksumEnabled;
  preferences.frameInfo.blockChecksumFlag = LZ4F_blockChecksumEnabled;
  preferences.frameInfo.contentSize = input.size();
  Bytes out(LZ4F_compressFrameBound(input.size(), &preferences), '\0');
  const std::size_t n =
      LZ4F_compressFrame(out.data(), out.size(), input.data(), input.size(), &preferences);
  EXPECT_EQ(LZ4F_isError(n), 0U);
  out.resize(n);
  return out;
}

// The raw block inside the one that compress() frames.
Bytes raw_snappy(ByteView input) {
  EXPECT_LE(input.size(), 32U * 1024);
  return compress(Codec::snappy, input).substr(20);
}

void expect_unpacks(Codec codec, ByteView packed, const Bytes& expected) {
  const auto out = decompress(codec, packed, expected.size());
  ASSERT_TRUE(out) << name(codec) << ": " << out.error().message();
  ASSERT_TRUE(*out == expected) << name(codec);
}

void expect_refused(Codec codec, ByteView packed, std::size_t bytes_max, Errc errc) {
  const auto out = decompress(codec, packed, bytes_max);
  ASSERT_FALSE(out) << name(codec) << ", " << packed.size() << " bytes, gave " << out->size();
  ASSERT_EQ(errc_of(out.error()), errc) << name(codec) << ", " << packed.size() << " bytes";
}

TEST(Compression, WhatACodecCompressesItAlsoDecompresses) {
  Random random;
  for (const Codec codec : kCodecs) {
    for (const std::size_t bytes : std::initializer_list<std::size_t>{
             0, 1, 2, 31, 1000, 32768, 32769, 65536, 70'000, 300'000, 1'200'000}) {
      const Bytes input = sample(random, bytes);
      expect_unpacks(codec, compress(codec, input), input);
    }
  }
}

TEST(Compression, ALimitHoldsToTheByte) {
  Random random;
  for (const Codec codec : kCodecs) {
    for (const std::size_t bytes : std::initializer_list<std::size_t>{1, 40, 300, 5000, 40'000}) {
      const Bytes input = sample(random, bytes);
      const Bytes packed = compress(codec, input);
      expect_unpacks(codec, packed, input);
      for (std::size_t less = 1; less <= bytes; less += 1 + less / 3) {
        expect_refused(codec, packed, bytes - less, Errc::too_large);
      }
      expect_refused(codec, packed, 0, Errc::too_large);
    }
  }
}

TEST(Compression, NothingCompressedIsNothingDecompressed) {
  for (const Codec codec : kCodecs) {
    const auto out = decompress(codec, compress(codec, ""), 0);
    ASSERT_TRUE(out) << name(codec);
    EXPECT_TRUE(out->empty());
  }
}

TEST(Compression, StreamsOneBehindTheOtherAreOneOutput) {
  Random random;
  const Bytes first = sample(random, 9000);
  const Bytes second = sample(random, 120);
  for (const Codec codec : {Codec::gzip, Codec::snappy, Codec::lz4, Codec::zstd}) {
    const Bytes streams = compress(codec, first) + compress(codec, "") + compress(codec, second);
    expect_unpacks(codec, streams, first + second);
  }
}

TEST(Compression, SkippableFramesAreSkipped) {
  const Bytes skippable = "\x5a\x2a\x4d\x18\x03\0\0\0abc"s;
  for (const Codec codec : {Codec::lz4, Codec::zstd}) {
    const Bytes hello = compress(codec, "hello");
    expect_unpacks(codec, skippable + hello + skippable, "hello");
    expect_refused(codec, hello + skippable.substr(0, 9), 100, Errc::damaged);
  }
}

TEST(Compression, SnappyIsReadWithAndWithoutFraming) {
  Random random;
  for (const std::size_t bytes : std::initializer_list<std::size_t>{0, 1, 700, 32768}) {
    const Bytes input = sample(random, bytes);
    expect_unpacks(Codec::snappy, raw_snappy(input), input);
  }
  // A raw block of the length whose varint begins as xerial's magic does.
  const Bytes input = sample(random, 0x53 << 7 | 0x02);
  const Bytes raw = raw_snappy(input);
  ASSERT_TRUE(raw.starts_with("\x82\x53"sv));
  expect_unpacks(Codec::snappy, raw, input);
}

TEST(Compression, SnappyFramingThatIsCutOffIsRefused) {
  const Bytes framed = compress(Codec::snappy, Bytes(100'000, 'x'));
  std::size_t whole = 0;
  for (std::size_t n = 0; n < framed.size(); ++n) {
    const auto out = decompress(Codec::snappy, framed.substr(0, n), 100'000);
    if (out) {
      ++whole;  // cut between two blocks: nothing in the framing says how many there are
      EXPECT_EQ(out->size() % 32768, 0U);
    } else {
      EXPECT_EQ(errc_of(out.error()), Errc::damaged) << n;
    }
  }
  EXPECT_EQ(whole, 4U);
  for (ByteView block : {"\0\0\0\0"sv, "\xff\xff\xff\xff"sv, "\x7f\xff\xff\xff\0"sv}) {
    expect_refused(Codec::snappy, framed + Bytes(block), 1 << 20, Errc::damaged);
  }
}

TEST(Compression, Lz4FramesOfEveryBlockSizeAreRead) {
  Random random;
  const Bytes all = sample(random, 4'500'000);
  for (const auto block : {LZ4F_max64KB, LZ4F_max256KB, LZ4F_max1MB, LZ4F_max4MB}) {
    for (const auto mode : {LZ4F_blockLinked, LZ4F_blockIndependent}) {
      for (const std::size_t bytes : {std::size_t{1}, std::size_t{70'000}, all.size()}) {
        const Bytes input = all.substr(all.size() - bytes);
        const Bytes packed = lz4_frame(input, block, mode);
        expect_unpacks(Codec::lz4, packed, input);
        expect_refused(Codec::lz4, packed, bytes - 1, Errc::too_large);
      }
    }
  }
}

TEST(Compression, ZstdFramesThatDoNotSayTheirSizeAreRead) {
  Random random;
  for (const int level : {-5, 3, 19}) {
    for (const std::size_t bytes :
         std::initializer_list<std::size_t>{0, 1, 5000, 131'072, 131'073, 300'000}) {
      const Bytes input = sample(random, bytes);
      const Bytes packed = zstd_without_size(input, level);
      expect_unpacks(Codec::zstd, packed, input);
      expect_unpacks(Codec::zstd, packed + packed, input + input);
      if (bytes > 0) expect_refused(Codec::zstd, packed, bytes - 1, Errc::too_large);
    }
  }
}

TEST(Compression, AZstdWindowOf128MebibytesCostsNothing) {
  // What Java writes at level 22: no size, and a window of 2^27 bytes.
  const Bytes hello = "\x28\xb5\x2f\xfd\x00\x88\x29\x00\x00hello"s;
  const test::HeapPeak heap;
  expect_unpacks(Codec::zstd, hello, "hello");
  EXPECT_LT(heap.bytes(), 300U * 1024);
}

TEST(Compression, FormatsOfZstdBeforeItsFirstVersionAreRefused) {
  // Version 0.7, which the library may well know; the consumers of the batch need not.
  const Bytes hello = "\x27\xb5\x2f\xfd\x20\x05\x40\x00\x05hello\xc0\x00\x00"s;
  expect_refused(Codec::zstd, hello, 100, Errc::damaged);
}

TEST(Compression, EveryTruncationIsRefused) {
  const Bytes input = "a sentence, a sentence, a sentence, and then another one.";
  for (const Codec codec : {Codec::gzip, Codec::snappy, Codec::lz4, Codec::zstd}) {
    const Bytes whole = codec == Codec::snappy ? raw_snappy(input) : compress(codec, input);
    for (std::size_t n = 0; n < whole.size(); ++n) {
      const Bytes piece =
          whole.substr(0, n);  // its own allocation, so that a sanitizer sees its end
      expect_refused(codec, piece, 1000, Errc::damaged);
    }
    expect_refused(codec, whole + "x", 1000, Errc::damaged);
  }
}

TEST(Compression, OneCodecsStreamIsDamagedForTheOthers) {
  for (const Codec written : {Codec::gzip, Codec::snappy, Codec::lz4, Codec::zstd}) {
    for (const Codec read : {Codec::gzip, Codec::snappy, Codec::lz4, Codec::zstd}) {
      if (written == read) continue;
      expect_refused(read, compress(written, Bytes(500, 'a')), 1000, Errc::damaged);
    }
  }
}

TEST(Compression, NoiseAndFlippedBitsNeverGiveMoreThanTheLimit) {
  Random random;
  constexpr std::size_t kLimit = 20'000;
  for (int round = 0; round < 4000; ++round) {
    const Codec codec = kCodecs[random.between(1, 4)];
    Bytes bytes = compress(codec, sample(random, random.between(0, 3000)));
    for (std::uint64_t n = random.between(0, 4); n > 0; --n) {
      bytes[random.between(0, bytes.size() - 1)] = random.bytes(1)[0];
    }
    if (random.one_in(5)) bytes = random.bytes(random.between(0, 200));
    const auto out = decompress(codec, bytes, kLimit);
    if (out) {
      EXPECT_LE(out->size(), kLimit);
    } else {
      const Errc errc = errc_of(out.error());
      EXPECT_TRUE(errc == Errc::damaged || errc == Errc::too_large);
    }
  }
}

TEST(Compression, AnUnknownCodecIsDamaged) {
  for (const int bits : {5, 6, 7}) {
    const auto codec = static_cast<Codec>(bits);
    EXPECT_FALSE(known(codec));
    EXPECT_EQ(name(codec), "unknown");
    expect_refused(codec, "abc", 100, Errc::damaged);
  }
}

struct Bomb {
  const char* name;
  Codec codec;
  Bytes (*make)(std::size_t mebibytes);
  std::size_t codec_bytes;  // what compression.h says that the codec needs for itself
};

std::ostream& operator<<(std::ostream& out, const Bomb& bomb) {
  return out << bomb.name;
}

class Bombs : public testing::TestWithParam<Bomb> {};

TEST_P(Bombs, OfAFewMebibytesAreValidStreams) {
  const auto out = decompress(GetParam().codec, GetParam().make(3), 3 * kMebibyte);
  ASSERT_TRUE(out);
  EXPECT_TRUE(*out == Bytes(3 * kMebibyte, '\0'));
}

TEST_P(Bombs, OfAGibibyteAreRefusedWithinBoundedMemory) {
  const Bytes bomb = GetParam().make(1024);
  for (const std::size_t limit : {std::size_t{1000}, kMebibyte, 8 * kMebibyte}) {
    const test::HeapPeak heap;
    expect_refused(GetParam().codec, bomb, limit, Errc::too_large);
    EXPECT_LE(heap.bytes(), 2 * limit + GetParam().codec_bytes + 4096) << limit;
  }
}

TEST_P(Bombs, ThatFitCostAtMostTwiceTheLimit) {
  const Bytes bomb = GetParam().make(5);
  for (std::size_t limit = 5 * kMebibyte; limit < 8 * kMebibyte; limit += kMebibyte / 3) {
    const test::HeapPeak heap;
    ASSERT_TRUE(decompress(GetParam().codec, bomb, limit));
    EXPECT_LE(heap.bytes(), 2 * limit + GetParam().codec_bytes + 4096) << limit;
    EXPECT_GE(heap.bytes(), 5 * kMebibyte) << "is anything counted?";
  }
}

Bytes honest_zstd_bomb(std::size_t mebibytes) {
  return test::zstd_claiming_bomb(mebibytes, mebibytes * kMebibyte);
}

INSTANTIATE_TEST_SUITE_P(
    Compression,
    Bombs,
    testing::Values(
        Bomb{"gzip", Codec::gzip, test::gzip_bomb, 48 * 1024},
        Bomb{"gzip_members", Codec::gzip, test::gzip_members_bomb, 48 * 1024},
        Bomb{"snappy", Codec::snappy, test::snappy_bomb, 0},
        Bomb{"xerial", Codec::snappy, test::xerial_bomb, 0},
        Bomb{"lz4", Codec::lz4, test::lz4_bomb, 8'500'000},
        Bomb{"lz4_frames", Codec::lz4, test::lz4_frames_bomb, 8'500'000},
        Bomb{"zstd", Codec::zstd, test::zstd_bomb, 128 * 1024},
        Bomb{"zstd_with_size", Codec::zstd, honest_zstd_bomb, 128 * 1024}
    ),
    [](const auto& test) { return std::string(test.param.name); }
);

TEST(Compression, ASizeThatIsOnlyClaimedCostsNothing) {
  struct Lie {
    Codec codec;
    Bytes bytes;
    Errc errc;
  };

  Bytes claims_much = "\x28\xb5\x2f\xfd\xa0\x00\x00\x00\x08\x29\x00\x00hello"s;  // 128 MiB; holds 5
  const std::vector<Lie> lies = {
      {Codec::snappy, "\x80\x80\x80\x80\x04\x10hello"s, Errc::damaged},  // 1 GiB; holds 5 bytes
      {Codec::snappy, "\x80\x80\x80\x80\x0f"s, Errc::damaged},           // nearly 4 GiB; holds none
      {Codec::zstd, claims_much, Errc::damaged},
      {Codec::zstd, test::zstd_claiming_bomb(1024, 100), Errc::damaged},  // 100 bytes; holds 1 GiB
      {Codec::zstd, test::zstd_claiming_bomb(1, ~std::uint64_t{0} - 2), Errc::too_large},
  };
  for (const Lie& lie : lies) {
    const test::HeapPeak heap;
    expect_refused(lie.codec, lie.bytes, 512 * kMebibyte, lie.errc);
    EXPECT_LT(heap.bytes(), 8 * lie.bytes.size() + 200 * 1024);
  }
}

}  // namespace
}  // namespace runnel::log
