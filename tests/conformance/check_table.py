"""Holds docs/mqtt-conformance.md against the tests.

The tables have the columns Statement, Says, Binds, Tests, Remark. A test is named as its module
without "test_", a dot, and its function without "test_"; it proves the statements that its
docstring lists, MQTT-a.b.c-n of 5.0 and MQTT311-a.b.c-n of 3.1.1.

    check_table.py            prints what is wrong; exit code 1 if anything is
    check_table.py --write    fills in the column Tests from the docstrings
"""

import ast
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
TABLE = HERE.parents[1] / "docs/mqtt-conformance.md"

# How many statements each section has. 5.0 has no MQTT-2.2.1-1.
SECTIONS_5 = {
    "1.5.4": 3, "1.5.5": 1, "1.5.7": 1, "2.1.3": 1, "2.2.1": 6, "2.2.2": 1, "3.1.0": 2,
    "3.1.2": 30, "3.1.3": 12, "3.1.4": 6, "3.2.0": 2, "3.2.2": 22, "3.3.1": 13, "3.3.2": 20,
    "3.3.4": 10, "3.4.2": 3, "3.5.2": 3, "3.6.1": 1, "3.6.2": 3, "3.7.2": 3, "3.8.1": 1,
    "3.8.3": 5, "3.8.4": 8, "3.9.2": 2, "3.9.3": 2, "3.10.1": 1, "3.10.3": 2, "3.10.4": 6,
    "3.11.2": 2, "3.11.3": 2, "3.12.4": 1, "3.14.0": 1, "3.14.1": 1, "3.14.2": 4, "3.14.4": 3,
    "3.15.1": 1, "3.15.2": 3, "4.1.0": 2, "4.2.0": 1, "4.3.1": 1, "4.3.2": 5, "4.3.3": 13,
    "4.4.0": 2, "4.5.0": 2, "4.6.0": 6, "4.7.0": 1, "4.7.1": 2, "4.7.2": 1, "4.7.3": 4, "4.8.2": 6,
    "4.9.0": 3, "4.12.0": 7, "4.12.1": 2, "4.13.1": 1, "4.13.2": 1, "6.0.0": 4,
}
SECTIONS_311 = {
    "1.4.0": 3, "2.2.2": 2, "2.3.1": 7, "3.1.0": 2, "3.1.2": 24, "3.1.3": 11, "3.1.4": 5,
    "3.2.0": 1, "3.2.2": 6, "3.3.1": 12, "3.3.2": 3, "3.3.4": 1, "3.3.5": 2, "3.6.1": 1,
    "3.8.1": 1, "3.8.3": 4, "3.8.4": 6, "3.9.3": 2, "3.10.1": 1, "3.10.3": 2, "3.10.4": 6,
    "3.12.4": 1, "3.14.1": 1, "3.14.4": 3, "4.1.0": 2, "4.3.1": 1, "4.3.2": 2, "4.3.3": 2,
    "4.4.0": 1, "4.5.0": 2, "4.6.0": 6, "4.7.1": 3, "4.7.2": 1, "4.7.3": 4, "4.8.0": 2, "6.0.0": 4,
    "7.0.0": 2, "7.1.1": 1, "7.1.2": 1,
}

STATEMENT = re.compile(r"\bMQTT(?:311)?-\d+\.\d+\.\d+-\d+\b")
ROW = re.compile(r"^\| (MQTT(?:311)?-[\d.]+-\d+) \|(.*)\|(.*)\|(.*)\|(.*)\|$")
PARTIES = {"server", "client", "both"}


def statements():
    """All there are, in the order of the specifications."""
    numbers = []
    for prefix, sections in (("MQTT", SECTIONS_5), ("MQTT311", SECTIONS_311)):
        for section, count in sections.items():
            numbers += [f"{prefix}-{section}-{number}" for number in range(1, count + 1)]
    numbers.remove("MQTT-2.2.1-1")
    return numbers


def tests():
    """Test name -> the statements of its docstring; and complaints about the tests themselves."""
    found, wrong = {}, []
    for path in sorted(HERE.glob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.FunctionDef) or not node.name.startswith("test_"):
                continue
            name = f"{path.stem.removeprefix('test_')}.{node.name.removeprefix('test_')}"
            listed = STATEMENT.findall(ast.get_docstring(node) or "")
            if name in found:
                wrong.append(f"two tests are called {name}")
            if len(set(listed)) != len(listed):
                wrong.append(f"{name} lists a statement twice")
            found[name] = listed
    return found, wrong


def proofs(found):
    """Statement -> names of the tests that list it."""
    proof = {number: [] for number in statements()}
    for name, listed in found.items():
        for number in listed:
            proof.setdefault(number, []).append(name)
    return proof


def rows():
    """Statement, party, test names and remark of each row, in the order of the file."""
    for line in TABLE.read_text().splitlines():
        match = ROW.match(line)
        if match:
            number, _, party, names, remark = match.groups()
            yield number, party.strip(), re.findall(r"`([^`]+)`", names), remark.strip()


def complaints():
    found, wrong = tests()
    proof = proofs(found)
    table = list(rows())
    if [row[0] for row in table] != statements():
        missing = set(statements()) - {row[0] for row in table}
        wrong.append(f"the rows are not the statements in their order; missing: {sorted(missing)}")
    for number in sorted(set(proof) - {row[0] for row in table}):
        wrong.append(f"{proof[number]} list {number}, which is not in the table")
    for number, party, names, remark in table:
        for name in names:
            if name not in found:
                wrong.append(f"{number}: there is no test {name}")
        if sorted(names) != sorted(proof.get(number, [])):
            wrong.append(f"{number}: the table names {names}, the docstrings {proof.get(number)}")
        if party not in PARTIES:
            wrong.append(f"{number}: binds {party!r}")
        if not names and not remark:
            wrong.append(f"{number}: neither a test nor a reason")
    return wrong


def write():
    proof = proofs(tests()[0])
    lines = []
    for line in TABLE.read_text().splitlines():
        match = ROW.match(line)
        if match:
            number, says, party, _, remark = (part.strip() for part in match.groups())
            names = ", ".join(f"`{name}`" for name in sorted(proof.get(number, [])))
            line = "| " + " | ".join((number, says, party, names, remark)) + " |"
        lines.append(line)
    TABLE.write_text("\n".join(lines) + "\n")


def main():
    if sys.argv[1:] == ["--write"]:
        write()
    wrong = complaints()
    print("\n".join(wrong) if wrong else f"{len(statements())} statements, nothing wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
