// The files that hold the secrets of users: the password on one line, or SCRAM credentials, one a
// line (the text form of hub/core/sasl/credential.h). Nothing else of the configuration holds a
// secret. Threads: any; reads files.
#pragma once

#include <filesystem>

#include "hub/app/config.h"

namespace runnel::app {

// Fills in User::password or User::credentials of every user. What is wrong is appended to
// `errors`, with the line of the user; what the operator should know goes to Config::warnings. A
// relative password_file is relative to `directory`.
void read_user_files(Config& config, const std::filesystem::path& directory, ConfigErrors& errors);

// Overwrites and drops what read_user_files() has read.
void forget_passwords(Config& config);

}  // namespace runnel::app
