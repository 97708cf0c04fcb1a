#include "hub/app/user_files.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <set>

#include "hub/app/text.h"
#include "hub/app/units.h"
#include "hub/core/sasl/credential.h"
#include "hub/core/sasl/mechanism.h"
#include "hub/core/sasl/sasl_limits.h"

namespace runnel::app {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kFileBytesMax = 4 * kKiB;

constexpr fs::perms kOthers = fs::perms::group_all | fs::perms::others_all;

// One user's file. What is wrong with it is a clause that goes on behind its name.
class UserFile {
 public:
  UserFile(User& user, const fs::path& directory)
      : user_(user), path_(directory / user.password_file) {}  // an absolute one stays as it is

  [[nodiscard]] const fs::path& path() const { return path_; }

  // Empty: nothing is wrong.
  std::string read() {
    std::string text;
    if (const std::string wrong = contents(text); !wrong.empty()) return wrong;
    if (text.ends_with('\n')) text.pop_back();
    if (text.ends_with('\r')) text.pop_back();
    if (text.empty()) return "is empty";
    const std::string wrong =
        sasl::looks_like_credential(text) ? read_credentials(text) : read_password(text);
    sasl::forget(text);
    return wrong;
  }

  [[nodiscard]] bool others_may_read() const {
    std::error_code ec;
    const fs::file_status status = fs::status(path_, ec);
    return !ec && (status.permissions() & kOthers) != fs::perms::none;
  }

 private:
  std::string contents(std::string& text) const {
    std::error_code ec;
    if (fs::is_directory(path_, ec)) return "is a directory";
    errno = 0;
    std::ifstream in(path_, std::ios::binary);
    if (!in) return std::string("cannot be read: ") + std::strerror(errno);
    text.resize(kFileBytesMax + 1);
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    if (in.bad()) return std::string("cannot be read: ") + std::strerror(errno);
    text.resize(static_cast<std::size_t>(in.gcount()));
    return text.size() > kFileBytesMax ? "is larger than 4KiB" : std::string{};
  }

  std::string read_password(const std::string& text) {
    if (text.find('\n') != std::string::npos) return "holds more than one line";
    if (text.find('\0') != std::string::npos) return "holds a zero byte";
    if (text.size() > sasl::kPasswordBytesMax) return "holds more than 1024 bytes";
    user_.password = text;
    return {};
  }

  std::string read_credentials(std::string_view text) {
    std::set<sasl::Hash> hashes;
    while (!text.empty()) {
      const std::size_t end = text.find('\n');
      std::string_view line = text.substr(0, end);
      text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
      if (line.ends_with('\r')) line.remove_suffix(1);
      const auto credential = sasl::read_credential(line);
      if (!credential) {
        return "holds a line that is not SCRAM-SHA-256$ITERATIONS:SALT$STOREDKEY:SERVERKEY (or "
               "SCRAM-SHA-512$…), with at least 4096 iterations and the rest in base64";
      }
      if (!hashes.insert(credential->hash).second) return "holds two credentials of one mechanism";
      user_.credentials.emplace_back(line);
    }
    return {};
  }

  User& user_;
  fs::path path_;
};

// Whether the user can log in where `door` is what a door takes.
bool may_come_in(const User& user, const std::vector<std::string>& door) {
  return std::any_of(door.begin(), door.end(), [&](const std::string& name) {
    const auto& own = user.mechanisms;
    if (!own.empty() && std::find(own.begin(), own.end(), name) == own.end()) return false;
    if (!user.password.empty()) return true;
    return std::any_of(user.credentials.begin(), user.credentials.end(), [&](const auto& text) {
      return text.starts_with(name + "$");
    });
  });
}

void warn_of_kafka(Config& config) {
  const Config::Kafka& kafka = config.kafka;
  if (kafka.sasl_mechanisms.empty()) return;
  if (config.users.empty()) {
    config.warnings.emplace_back(
        "[kafka] sasl_mechanisms: there is no [[user]], so that only users whose credentials were "
        "set "
        "over Kafka can log in"
    );
  }
  for (const User& user : config.users) {
    if (may_come_in(user, kafka.sasl_mechanisms)) continue;
    config.warnings.push_back(
        "[[user]] " + in_quotes(user.name) +
        " cannot log in over Kafka: no mechanism of [kafka] sasl_mechanisms is open to it"
    );
  }
  const bool beyond =
      std::any_of(kafka.listen.begin(), kafka.listen.end(), [](const auto& address) {
        return !is_loopback(address);
      });
  const auto& names = kafka.sasl_mechanisms;
  if (beyond && std::find(names.begin(), names.end(), "PLAIN") != names.end()) {
    config.warnings.emplace_back(
        "[kafka] sasl_mechanisms: PLAIN shows passwords to whoever can read the network, as this "
        "version has no TLS; SCRAM-SHA-256 and SCRAM-SHA-512 do not"
    );
  }
}

}  // namespace

void read_user_files(Config& config, const std::filesystem::path& directory, ConfigErrors& errors) {
  for (User& user : config.users) {
    UserFile file(user, directory);
    const std::string wrong = file.read();
    if (!wrong.empty()) {
      errors.push_back(
          {user.line,
           "[[user]] password_file: " + in_quotes(file.path().string()) + " " + wrong,
           {}}
      );
    } else if (file.others_may_read()) {
      config.warnings.push_back(
          "[[user]] " + in_quotes(user.name) + ": " + file.path().string() +
          " is open to others than its owner: chmod 600 it"
      );
    }
  }
  if (errors.empty()) warn_of_kafka(config);
}

void forget_passwords(Config& config) {
  for (User& user : config.users) {
    sasl::forget(user.password);
    user.credentials.clear();
  }
}

}  // namespace runnel::app
