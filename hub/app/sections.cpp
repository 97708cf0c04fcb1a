#include <array>

#include "hub/app/options.h"

namespace runnel::app {

namespace {

constexpr std::array kSections{
    Section{"hub", "Who this hub is to others."},
    Section{"mqtt", "The MQTT listeners and what one client may ask of the hub."},
    Section{"http", "Health, metrics and the API that the command line uses."},
    Section{"kafka", "The door for Kafka clients."},
    Section{"storage", "The log on disk."},
    Section{"log", "Diagnostics on standard error."},
};

}  // namespace

std::span<const Section> sections() {
  return kSections;
}

}  // namespace runnel::app
