#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "hub/app/commands.h"
#include "hub/app/config.h"
#include "hub/app/console.h"
#include "hub/app/example.h"

namespace runnel::app {

namespace {

std::string json_of(const LoadedConfig& loaded) {
  boost::json::array errors;
  boost::json::array warnings;
  if (loaded) {
    for (const std::string& warning : loaded->warnings) warnings.emplace_back(warning);
  } else {
    for (const ConfigError& error : loaded.error()) {
      errors.push_back(boost::json::object{
          {"line", error.line}, {"message", error.message}, {"suggestion", error.suggestion}});
    }
  }
  return boost::json::serialize(boost::json::object{
      {"ok", loaded.has_value()}, {"errors", std::move(errors)}, {"warnings", std::move(warnings)}}
  );
}

}  // namespace

int check_config(const CheckConfig& command) {
  const LoadedConfig loaded = load_config(command.file);
  const int code = loaded ? kExitOk : kExitUsage;
  if (command.json) {
    print_line(json_of(loaded));
    return flushed(code);
  }
  if (loaded) {
    for (const std::string& warning : loaded->warnings) note("warning: " + warning);
    print_line("OK");
  } else {
    complain(loaded.error(), command.file);
  }
  return flushed(code);
}

int print_defaults() {
  print(example_toml());
  return flushed(kExitOk);
}

int print_reference() {
  print(option_table_markdown());
  return flushed(kExitOk);
}

}  // namespace runnel::app
