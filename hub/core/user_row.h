// The bytes of a stored user's state row (users.h). Threads: pure; any.
#pragma once

#include <optional>

#include "hub/core/users.h"

namespace runnel::core {

constexpr ByteView kUserKind = "u/";

struct UserRow {
  std::string name;
  Users::Credentials credentials;
};

Bytes user_row_name(ByteView user);
Bytes encode_user_row(ByteView user, const Users::Credentials& credentials);

// nullopt: the row is not one.
std::optional<UserRow> decode_user_row(ByteView row);

}  // namespace runnel::core
