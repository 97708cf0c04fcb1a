// The configuration as documentation, made from the option tables. Pure; any thread.
#pragma once

#include <string>

namespace runnel::app {

// packaging/runnel.toml: every option with its sentence, range and default, commented out. With the
// comments taken away it is a valid file that says what the hub does anyway, and one topic and
// route.
std::string example_toml();

// The table of docs/operations.md.
std::string option_table_markdown();

}  // namespace runnel::app
