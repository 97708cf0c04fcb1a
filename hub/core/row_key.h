// Names of state rows. A row is named by a kind and a text that clients choose (a client id, an MQTT
// topic), which may be longer than LMDB's keys. A long text is cut and told apart by 128 bits of hash;
// the row's value holds the whole text. Pure; any thread.
#pragma once

#include "storage/base/bytes.h"

namespace runnel::core {

// `kind` is a prefix such as "s/"; rows of one kind share nothing with those of another.
Bytes row_key(ByteView kind, ByteView text);

}  // namespace runnel::core
