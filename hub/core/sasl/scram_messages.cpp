#include "hub/core/sasl/scram_messages.h"

#include <algorithm>
#include <optional>

#include "hub/core/sasl/base64.h"
#include "hub/core/sasl/sasl_limits.h"

namespace runnel::sasl {
namespace {

constexpr ScramError kOther = "other-error";
constexpr ScramError kEncoding = "invalid-encoding";
constexpr ScramError kName = "invalid-username-encoding";
constexpr ScramError kExtensions = "extensions-not-supported";
constexpr ScramError kBinding = "channel-binding-not-supported";

// Takes everything before the next comma, and the comma.
ByteView next_field(ByteView& rest) {
  const std::size_t comma = rest.find(',');
  const ByteView out = rest.substr(0, comma);
  rest.remove_prefix(comma == ByteView::npos ? rest.size() : comma + 1);
  return out;
}

std::optional<ByteView> value_of(ByteView field, ByteView name) {
  if (!field.starts_with(name)) return std::nullopt;
  return field.substr(name.size());
}

// A saslname: commas and equals signs come as =2C and =3D, and in no other way.
std::optional<std::string> name_of(ByteView text) {
  std::string out;
  while (!text.empty()) {
    const char c = text[0];
    if (c == '\0') return std::nullopt;
    if (c != '=') {
      out += c;
      text.remove_prefix(1);
      continue;
    }
    const ByteView escape = text.substr(0, 3);
    if (escape != "=2C" && escape != "=3D") return std::nullopt;
    out += escape == "=2C" ? ',' : '=';
    text.remove_prefix(3);
  }
  if (out.empty() || out.size() > kUserBytesMax) return std::nullopt;
  return out;
}

bool valid_nonce(ByteView nonce) {
  const auto printable = [](char c) { return c >= 0x21 && c <= 0x7e && c != ','; };
  return !nonce.empty() && nonce.size() <= kNonceBytesMax &&
         std::all_of(nonce.begin(), nonce.end(), printable);
}

ScramError read_gs2_header(ByteView message, ByteView& rest, ClientFirst& out) {
  rest = message;
  const ByteView binding = next_field(rest);
  if (binding.starts_with("p=")) return kBinding;
  // "y": it would bind, but believes that we cannot, and is right.
  if (binding != "n" && binding != "y") return kEncoding;
  const ByteView other = next_field(rest);
  if (!other.empty()) {
    const auto text = value_of(other, "a=");
    const auto name = text ? name_of(*text) : std::nullopt;
    if (!name) return kName;
    out.acts_for = *name;
  }
  out.gs2_header = message.substr(0, message.size() - rest.size());
  // Both commas have to be there.
  if (std::count(out.gs2_header.begin(), out.gs2_header.end(), ',') != 2) return kEncoding;
  return {};
}

}  // namespace

ScramError read_client_first(ByteView message, ClientFirst& out) {
  if (message.size() > kTokenBytesMax) return kOther;
  ByteView rest;
  if (const ScramError wrong = read_gs2_header(message, rest, out); !wrong.empty()) return wrong;
  out.bare = rest;
  const ByteView field = next_field(rest);
  if (field.starts_with("m=")) return kExtensions;
  const auto name = value_of(field, "n=");
  if (!name) return kEncoding;
  const auto user = name_of(*name);
  if (!user) return kName;
  out.user = *user;
  const auto nonce = value_of(next_field(rest), "r=");
  if (!nonce || !valid_nonce(*nonce)) return kEncoding;
  out.nonce = *nonce;
  return {};  // extensions that we do not know may follow, and may be left aside
}

ScramError read_client_final(ByteView message, ClientFinal& out) {
  constexpr ByteView kProof = ",p=";
  if (message.size() > kTokenBytesMax) return kOther;
  const std::size_t end = message.rfind(kProof);
  if (end == ByteView::npos) return kEncoding;
  out.without_proof = message.substr(0, end);
  auto proof = decode_base64(message.substr(end + kProof.size()));
  if (!proof) return kEncoding;
  out.proof = std::move(*proof);
  ByteView rest = out.without_proof;
  const auto binding = value_of(next_field(rest), "c=");
  auto bound = binding ? decode_base64(*binding) : std::nullopt;
  if (!bound) return kEncoding;
  out.channel_binding = std::move(*bound);
  const auto nonce = value_of(next_field(rest), "r=");
  if (!nonce) return kEncoding;
  out.nonce = *nonce;
  return {};
}

}  // namespace runnel::sasl
