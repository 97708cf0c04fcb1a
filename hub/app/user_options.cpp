#include <array>

#include "hub/app/option_access.h"
#include "hub/core/sasl/mechanism.h"

namespace runnel::app {

namespace {

constexpr std::array kUserOptions{
    member<User, &User::name>({
        .key = "name",
        .kind = Kind::text,
        .sentence = "What the client gives as its name: 1 to 255 bytes, no control characters.",
        .required = true,
    }),
    member<User, &User::password_file>({
        .key = "password_file",
        .kind = Kind::text,
        .sentence = "A file with the password on one line, or with SCRAM credentials, one a line; "
                    "relative to the directory of the configuration.",
        .required = true,
    }),
    member<User, &User::mechanisms>({
        .key = "mechanisms",
        .kind = Kind::choices,
        .sentence = "Which mechanisms the user may log in by; [] for all that a door takes.",
        .choices = sasl::kMechanismNames,
    }),
};

}  // namespace

std::span<const Option<User>> user_options() {
  return kUserOptions;
}

}  // namespace runnel::app
