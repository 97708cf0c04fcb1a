#include "storage/log/doctor.h"

#include <system_error>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "hub/app/commands.h"
#include "hub/app/console.h"
#include "hub/app/text.h"
#include "hub/app/units.h"

namespace runnel::app {

namespace {

std::string json_of(const log::DoctorReport& report) {
  boost::json::array findings;
  for (const std::string& finding : report.findings) findings.emplace_back(finding);
  return boost::json::serialize(boost::json::object{
      {"healthy", report.healthy},
      {"findings", std::move(findings)},
      {"running", report.running},
      {"generations", report.generations},
      {"blocks", report.blocks},
      {"records", report.records},
      {"partitions", report.partitions},
      {"state_rows", report.state_rows},
      {"expired", report.expired},
      {"discarded", report.discarded},
      {"damaged_records", report.damaged_records},
      {"disk_bytes", report.disk_bytes},
  });
}

void print_report(const log::DoctorReport& report) {
  const auto count = [](std::uint64_t number) { return std::to_string(number); };
  print_table(
      {
          {"generations", count(report.generations)},
          {"blocks", count(report.blocks)},
          {"partitions", count(report.partitions)},
          {"records", count(report.records)},
          {"expired", count(report.expired)},
          {"discarded", count(report.discarded)},
          {"damaged records", count(report.damaged_records)},
          {"state rows", count(report.state_rows)},
          {"on disk", rough_size(report.disk_bytes)},
      },
      "ll"
  );
  if (report.running) print_line("A hub is running on it: this is what its last commit left.");
  for (const std::string& finding : report.findings) print_line("wrong: " + printable(finding));
  print_line(report.healthy ? "healthy" : "not healthy");
}

}  // namespace

int doctor(const Doctor& command) {
  std::error_code ec;
  if (!std::filesystem::is_directory(command.data, ec)) {
    return failed(
        "there is no directory " + command.data.string() +
        "; say where the hub keeps its data with --data DIR"
    );
  }
  const log::DoctorReport report = log::examine(command.data);
  if (command.json) {
    print_line(json_of(report));
  } else {
    print_report(report);
  }
  return flushed(report.healthy ? kExitOk : kExitFailed);
}

}  // namespace runnel::app
