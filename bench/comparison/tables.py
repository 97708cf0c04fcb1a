"""Medians, spreads, ratios, and tables in Markdown (which read well on a terminal too)."""

import dataclasses
import statistics


def number(value: float) -> str:
    """Three to four figures that matter, thousands apart."""
    if value >= 100:
        return f"{value:,.0f}"
    if value >= 10:
        return f"{value:.1f}"
    return f"{value:.2f}"


def median_and_spread(values: list[float]) -> str:
    if not values:
        return "-"
    middle = number(statistics.median(values))
    if len(values) == 1:
        return middle
    return f"{middle} ({number(min(values))} to {number(max(values))})"


def median(values: list[float]) -> str:
    return number(statistics.median(values)) if values else "-"


def ratio(ours: list[float], theirs: list[float]) -> str:
    """How many times as much we do, by medians."""
    if not ours or not theirs or statistics.median(theirs) == 0:
        return "-"
    return f"{number(statistics.median(ours) / statistics.median(theirs))} x"


def kib(values: list[float]) -> list[float]:
    return [value / 1024 for value in values]


def mib(values: list[float]) -> list[float]:
    return [value / 2**20 for value in values]


@dataclasses.dataclass
class Table:
    title: str
    columns: list[str]
    rows: list[list[str]] = dataclasses.field(default_factory=list)
    notes: list[str] = dataclasses.field(default_factory=list)

    def markdown(self) -> str:
        widths = [
            max(len(row[i]) for row in [self.columns, *self.rows]) for i in range(len(self.columns))
        ]

        def line(cells: list[str]) -> str:
            first = cells[0].ljust(widths[0])
            rest = [cell.rjust(width) for cell, width in zip(cells[1:], widths[1:])]
            return "| " + " | ".join([first, *rest]) + " |"

        rule = "|" + "|".join(
            [":" + "-" * (widths[0] + 1)] + ["-" * (width + 1) + ":" for width in widths[1:]]
        ) + "|"
        out = [f"### {self.title}", "", line(self.columns), rule, *map(line, self.rows)]
        for note in self.notes:
            out += ["", note]
        return "\n".join(out) + "\n"
