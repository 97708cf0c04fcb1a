#include <exception>

#include "hub/app/cli.h"
#include "hub/app/console.h"

int main(int argc, char** argv) {
  try {
    return runnel::app::run_command_line(argc, argv);
  } catch (const std::exception& error) {
    return runnel::app::failed(error.what());
  }
}
