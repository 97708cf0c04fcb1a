// How `runnel tail --format` prints a record: kcat's letters.
//
//   %t topic   %p partition   %o offset   %T time in ms   %d time for people
//   %k key     %s value       %K %S their bytes, -1 for null          %h headers: a=1,b=2
//   %%  \n \t \r \0 \\ \xNN
//
// Keys and values are printed as they are, so that another program gets their bytes; null is
// nothing.
//
// Threads: pure; any.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "hub/app/connection.h"
#include "hub/kafka_client/record.h"

namespace runnel::app {

class RecordFormat {
 public:
  // A Why says which letter there is not.
  static OrWhy<RecordFormat> read(std::string_view text);

  [[nodiscard]] std::string print(const kafka_client::Record& record) const;

 private:
  struct Piece {
    char letter = '\0';  // '\0': the text
    std::string text;
  };

  std::vector<Piece> pieces_;
};

// "a=1,b=2"; a header without a value is its name alone.
std::string headers_text(const std::vector<kafka_client::Header>& headers);

}  // namespace runnel::app
