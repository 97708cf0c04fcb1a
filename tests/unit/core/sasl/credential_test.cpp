#include "hub/core/sasl/credential.h"

#include <gtest/gtest.h>

#include "hub/core/sasl/base64.h"

namespace runnel::sasl {
namespace {

// The password "pencil" of RFC 7677 §3.
constexpr ByteView kPencil256 =
    "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$"
    "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
    "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";
constexpr ByteView kPencil512 =
    "SCRAM-SHA-512$4096:Yin2FuHTt/M0kJWb0t9OI32n2VmOGi3m+JfjOvuDF88=$"
    "ERxGuwQnAHA2amc01Vb1Qb9WPqMb68u8swldhuOn4MR7udux+oQ/DNrgcAy5c0/SEZybLeGYZ5jFkWH5ELNOXA==:"
    "gFCGdO8qeAVvqKCfFpqPXI2n2596CVtax0k6IH3gzt94xA9+DgAD6NwrELJ0AjguZNc0dWJxduOe037HEcD1UA==";

TEST(Base64, WritesAndReadsTheExamplesOfRfc4648) {
  const std::pair<ByteView, ByteView> kExamples[] = {
      {"", ""},
      {"f", "Zg=="},
      {"fo", "Zm8="},
      {"foo", "Zm9v"},
      {"foob", "Zm9vYg=="},
      {"fooba", "Zm9vYmE="},
      {"foobar", "Zm9vYmFy"}};
  for (const auto& [bytes, text] : kExamples) {
    EXPECT_EQ(encode_base64(bytes), text);
    EXPECT_EQ(decode_base64(text), bytes);
  }
  Bytes all;
  for (int i = 0; i < 256; ++i) all.push_back(static_cast<char>(i));
  EXPECT_EQ(decode_base64(encode_base64(all)), all);
}

TEST(Base64, RefusesWhatItWouldNotHaveWritten) {
  for (const ByteView text :
       {"Z",
        "Zg",
        "Zg=",
        "Zg==Zg==",
        "Z===",
        "====",
        "Zh==",
        "Zm9=",
        "Zm 8",
        "Zm-_",
        "Zg=A",
        "=Zm8"}) {
    EXPECT_FALSE(decode_base64(text)) << text;
  }
}

TEST(ScramCredential, IsWhatTheRfcDerivesFromThePassword) {
  const auto known = read_credential(kPencil256);
  ASSERT_TRUE(known);
  EXPECT_EQ(derive(Hash::sha_256, "pencil", known->salt, 4096), *known);
  const auto longer = read_credential(kPencil512);
  ASSERT_TRUE(longer);
  EXPECT_EQ(derive(Hash::sha_512, "pencil", longer->salt, 4096), *longer);
  EXPECT_NE(derive(Hash::sha_256, "pencils", known->salt, 4096), *known);
}

TEST(ScramCredential, IsReadBackFromItsText) {
  for (const ByteView text : {kPencil256, kPencil512}) {
    const auto credential = read_credential(text);
    ASSERT_TRUE(credential);
    EXPECT_EQ(text_of(*credential), text);
    EXPECT_TRUE(looks_like_credential(text));
  }
  EXPECT_FALSE(looks_like_credential("pencil"));
  EXPECT_FALSE(looks_like_credential("SCRAM-SHA-256"));
}

TEST(ScramCredential, OfAnotherFormIsRefused) {
  const std::string good(kPencil256);
  const auto with = [&](std::string_view from, std::string_view to) {
    std::string text = good;
    return text.replace(text.find(from), from.size(), to);
  };
  EXPECT_FALSE(read_credential(with("4096", "4095"))) << "too few iterations";
  EXPECT_FALSE(read_credential(with("4096", "1000001"))) << "too many";
  EXPECT_FALSE(read_credential(with("4096", "-4096")));
  EXPECT_FALSE(read_credential(with("4096", "4096 ")));
  EXPECT_FALSE(read_credential(with("W22ZaJ0SNY7soEsUEjb6gQ==", ""))) << "no salt";
  EXPECT_FALSE(read_credential(with("SHA-256", "SHA-512"))) << "keys of another length";
  EXPECT_FALSE(read_credential(with("SHA-256", "SHA-1")));
  EXPECT_FALSE(read_credential(with("SCRAM-SHA-256", "PLAIN")));
  EXPECT_FALSE(read_credential(good + "A"));
  for (std::size_t i = 0; i < good.size(); ++i) {
    EXPECT_FALSE(read_credential(ByteView(good).substr(0, i))) << i;
  }
}

}  // namespace
}  // namespace runnel::sasl
