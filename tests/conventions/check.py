#!/usr/bin/python3
"""Reads the repository as a newcomer would and says where it is not as docs/architecture.md has it.

Rules, each a function below: includes point down; heavy headers are fenced; files and functions
stay small (a ratchet); no coroutine awaits a brace or a closure; no path of the README is missing.
Run: check.py [REPOSITORY]; prints what is wrong and exits 1.
"""

import pathlib
import re
import subprocess
import sys

# Each floor and the floors that it may include, besides itself.
FLOORS = {
    "storage/base": [],
    "storage/log": ["storage/base"],
    "hub/mqtt": ["storage/base"],
    "hub/kafka": ["storage/base"],
    "hub/core": ["storage/base", "storage/log", "hub/mqtt"],
    "hub/broker": ["storage/base", "storage/log", "hub/mqtt", "hub/core"],
    "hub/kafka_broker": ["storage/base", "storage/log", "hub/kafka", "hub/core"],
    "hub/runtime": ["storage/base", "storage/log"],
    "hub/net": ["storage/base", "storage/log", "hub/mqtt", "hub/core", "hub/broker",
                "hub/kafka_broker", "hub/runtime"],
    "hub/kafka_client": ["storage/base"],
    "bridge": ["storage/base", "storage/log", "hub/core", "hub/kafka", "hub/kafka_client"],
    "hub/app": ["storage/base", "storage/log", "hub/mqtt", "hub/kafka", "hub/core", "hub/broker",
                "hub/kafka_broker", "hub/runtime", "hub/net", "hub/kafka_client", "bridge"],
}

# Of hub/mqtt, the core knows the wildcard matcher alone.
EXCEPTIONS_ONLY = {("hub/core", "hub/mqtt"): {"hub/mqtt/topic_filter.h"}}

# Headers that cost seconds or bind to a library, and the files or folders that may include them.
FENCES = {
    r"lmdb\.h": ["storage/log/lmdb.cpp"],
    r"spdlog/.*": ["storage/base/logger.cpp"],
    r"zlib\.h|snappy.*|lz4.*|zstd.*": ["storage/log/compression.cpp"],
    r"boost/asio.*": ["hub/runtime/", "hub/net/", "hub/app/serve.cpp", "hub/app/connection.cpp",
                      "hub/app/connection.h", "hub/app/http_client.cpp", "hub/app/mqtt_publish.cpp"],
    r"boost/beast.*": ["hub/runtime/asio.cpp", "hub/net/http_door.cpp",
                       "hub/net/websocket_door.cpp", "hub/app/http_client.cpp"],
    r"boost/json.*": ["hub/net/api.cpp", "hub/net/api_links.cpp", "hub/app/"],
    r"toml\+\+.*": ["hub/app/config.cpp", "hub/app/option_values.cpp"],
    r"CLI/.*": ["hub/app/cli.cpp", "hub/app/cli_parts.h"],
    r"MQTT.*\.h|mqtt/.*": [],
    r"openssl/.*": ["hub/core/sasl/crypto.cpp"],
    r"librdkafka/.*": ["hub/kafka_client/lazy.h"],
    r"sqlite3\.h": [],
}

FILE_LINES = 400
FUNCTION_LINES = 70

# The ratchet: files and functions over the measure, with what they have now. They may only shrink.
LONGER_FILES = {
    "hub/broker/session.cpp": 640,
    "hub/broker/connection.cpp": 480,
}

INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]')


def sources(root):
    listed = subprocess.run(
        ["git", "-C", root, "ls-files", "-co", "--exclude-standard"],
        capture_output=True, text=True, check=True).stdout.split("\n")
    for name in listed:
        if name.endswith((".h", ".cpp")) and (root / name).is_file():
            yield name, (root / name).read_text().split("\n")


def floor_of(name):
    found = [floor for floor in FLOORS if name.startswith(floor + "/")]
    return max(found, key=len) if found else None


def includes_point_down(name, lines):
    mine = floor_of(name)
    if mine is None:
        return
    for number, line in enumerate(lines, 1):
        match = INCLUDE.match(line)
        if not match or match[1] != '"':
            continue
        theirs = floor_of(match[2])
        if theirs is None:
            yield f"{name}:{number}: \"{match[2]}\" is on no floor"
        elif theirs != mine and theirs not in FLOORS[mine]:
            yield f"{name}:{number}: {mine} must not include {theirs}"
        else:
            only = EXCEPTIONS_ONLY.get((mine, theirs))
            if only and match[2] not in only:
                yield f"{name}:{number}: of {theirs}, {mine} may include only {', '.join(sorted(only))}"


def heavy_headers_are_fenced(name, lines):
    if floor_of(name) is None:
        return
    for number, line in enumerate(lines, 1):
        match = INCLUDE.match(line)
        if not match or match[1] != "<":
            continue
        for pattern, allowed in FENCES.items():
            if re.fullmatch(pattern, match[2]) and not any(
                    name == a or (a.endswith("/") and name.startswith(a)) for a in allowed):
                yield f"{name}:{number}: <{match[2]}> is fenced to {', '.join(allowed) or 'nobody'}"


def files_stay_small(name, lines):
    if floor_of(name) is None:
        return
    measure = LONGER_FILES.get(name, FILE_LINES)
    if len(lines) > measure:
        yield f"{name}: {len(lines)} lines, at most {measure}"


def functions_stay_small(name, lines):
    """Definitions at column 0 that end with a brace at column 0."""
    if floor_of(name) is None or not name.endswith(".cpp"):
        return
    start = None
    for number, line in enumerate(lines, 1):
        if line.endswith("{") and not line.startswith((" ", "}", "namespace", "#", "class", "struct",
                                                       "enum", "extern", "constexpr", "const ")):
            start = number
        elif line.startswith(") ") and line.endswith("{"):
            start = number
        elif line == "}" and start is not None:
            if number - start > FUNCTION_LINES:
                yield f"{name}:{start}: a function of {number - start} lines, at most {FUNCTION_LINES}"
            start = None


def awaits_name_their_operands(name, lines):
    """GCC 12 destroys some temporaries of an awaiting expression twice."""
    for number, line in enumerate(lines, 1):
        code = line.split("//")[0]
        after = code.split("co_await", 1)[1] if "co_await" in code else ""
        if re.search(r"\[[^\]]*\]\s*\(|\{[^}]", after):
            yield f"{name}:{number}: name what is awaited: no closure and no braces beside co_await"


def headers_are_contracts(name, lines):
    if floor_of(name) is None or not name.endswith(".h"):
        return
    if not lines[0].startswith("//"):
        yield f"{name}: a header begins with what it is"
    if "#pragma once" not in lines:
        yield f"{name}: no #pragma once"


def paths_of_the_docs_exist(root):
    for page in [root / "README.md", *sorted((root / "docs").glob("*.md"))]:
        if not page.exists():
            yield f"{page.relative_to(root)} is missing"
            continue
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
            if not (page.parent / target).exists():
                yield f"{page.relative_to(root)}: {target} does not exist"


def no_marks_are_left(name, lines):
    for number, line in enumerate(lines, 1):
        if re.search(r"\b(TODO|FIXME|XXX|HACK)\b", line):
            yield f"{name}:{number}: finish it, or file an issue"


RULES = [includes_point_down, heavy_headers_are_fenced, files_stay_small, functions_stay_small,
         awaits_name_their_operands, headers_are_contracts, no_marks_are_left]


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
    wrong = list(paths_of_the_docs_exist(root))
    count = 0
    for name, lines in sources(root):
        count += 1
        for rule in RULES:
            wrong.extend(rule(name, lines))
    print("\n".join(wrong) or f"{count} files, nothing to say")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
