"""Medians, ratios and gates of a run, as a table, as JSON and as a section of bench/README.md."""

import re
import statistics
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

# figure -> gateway -> a value per round; "direct" is the upstream without a gateway.
Figures = dict[str, dict[str, list[float]]]

GATEWAYS = ("direct", "rocket", "nginx", "haproxy")


@dataclass(frozen=True)
class Row:
    figure: str
    title: str
    digits: int = 1


ROWS = (
    Row("request_600", "CPU µs per request, 64 connections, 600 B"),
    Row("request_8k", "CPU µs per request, 64 connections, 8 KB"),
    Row("request_paced", "CPU µs per request at 1,000/s"),
    Row("wakeups_paced", "wake-ups per request at 1,000/s", 2),
    Row("event_paced", "CPU µs per event, 200 streams, one each 10 ms"),
    Row("event_flood", "CPU µs per event, unpaced, one to a write", 2),
    Row("event_burst", "CPU µs per event, unpaced, 32 to a write", 2),
    Row("delay_p50", "event delay p50 µs, 200 paced streams", 0),
    Row("delay_p99", "event delay p99 µs, 200 paced streams", 0),
    Row("added_p50", "added p50 µs at 1,000/s", 0),
    Row("added_p99", "added p99 µs at 1,000/s", 0),
    Row("added_first_token_p50", "added first token p50 µs, 300 streams/s", 0),
    Row("added_first_token_p99", "added first token p99 µs, 300 streams/s", 0),
    Row("syscalls", "system calls per request, 64 connections", 2),
    Row("idle_connection", "bytes per idle connection, 4,000 of them", 0),
    Row("open_stream", "bytes per open stream, 1,000 of them", 0),
    Row("idle_rss_mib", "resident MiB, idle"),
    Row("start_ms", "ms from exec to the first 200"),
)

RATIO_MAX = 1.25
# Above this many times the direct delay, a streaming row is cheap because it is late.
DELAY_RATIO_MAX = 2.0
# Added time may lie this far above HAProxy's, in the median of the rounds' differences.
ADDED_ABOVE_HAPROXY_US = 30
LIMITS = {
    "syscalls": 5.2,
    "idle_connection": 4 * 1024,
    "open_stream": 12 * 1024,
    "idle_rss_mib": 12,
    "start_ms": 100,
}


@dataclass
class Report:
    figures: Figures
    about: dict = field(default_factory=dict)

    def value(self, figure: str, gateway: str) -> float | None:
        values = self.figures.get(figure, {}).get(gateway)
        return statistics.median(values) if values else None

    def ratio(self, figure: str, peer: str) -> float | None:
        """The median of what the rounds say, each by itself: what slowed one slowed both."""
        pairs = self._pairs(figure, peer)
        return statistics.median(ours / theirs for ours, theirs in pairs) if pairs else None

    def above(self, figure: str, peer: str) -> float | None:
        """By how much Rocket's lies above the peer's: the median of the rounds' own differences."""
        pairs = self._pairs(figure, peer)
        return statistics.median(ours - theirs for ours, theirs in pairs) if pairs else None

    def _pairs(self, figure: str, peer: str) -> list[tuple[float, float]]:
        ours, theirs = (self.figures.get(figure, {}).get(name, []) for name in ("rocket", peer))
        return list(zip(ours, theirs, strict=True)) if ours and theirs else []

    def late(self, gateway: str) -> bool:
        """Its streaming rows do not count."""
        ratios = [
            ours / direct
            for ours, direct in zip(
                self.figures.get("delay_p99", {}).get(gateway, []),
                self.figures.get("delay_p99", {}).get("direct", []),
                strict=True,
            )
        ]
        return bool(ratios) and statistics.median(ratios) > DELAY_RATIO_MAX

    def missed(self) -> list[str]:
        """The gates that Rocket did not pass."""
        return [message for ok, message in self._gates() if not ok]

    def _gates(self) -> Iterator[tuple[bool, str]]:
        titles = {row.figure: row.title for row in ROWS}
        for figure in ("request_600", "request_8k", "event_paced", "event_flood", "event_burst"):
            if (ratio := self.ratio(figure, "nginx")) is not None:
                text = f"{titles[figure]}: {ratio:.2f} x nginx, at most {RATIO_MAX}"
                yield ratio <= RATIO_MAX, text
        for figure, limit in LIMITS.items():
            if (value := self.value(figure, "rocket")) is not None:
                yield value <= limit, f"{titles[figure]}: {value:,.2f}, at most {limit:,}"
        for figure, above in self._above_haproxy().items():
            text = f"{titles[figure]}: {above:+.0f} to HAProxy's, at most +{ADDED_ABOVE_HAPROXY_US}"
            yield above <= ADDED_ABOVE_HAPROXY_US, text
        late = f"event delay p99: more than {DELAY_RATIO_MAX:g} x direct, so no event counts"
        yield not self.late("rocket"), late

    def table(self) -> str:
        lines = [
            "| figure | direct | Rocket | nginx | HAProxy | Rocket / nginx | Rocket / HAProxy |",
            "|---|---|---|---|---|---|---|",
        ]
        for row in ROWS:
            values = [self.value(row.figure, name) for name in GATEWAYS]
            if all(value is None for value in values):
                continue
            cells = [
                _number(value, row.digits) + self._mark(row, name)
                for name, value in zip(GATEWAYS, values, strict=True)
            ]
            ratios = [_number(self.ratio(row.figure, peer), 2) for peer in GATEWAYS[2:]]
            lines.append(f"| {' | '.join([row.title, *cells, *ratios])} |")
        if any(self.late(name) for name in GATEWAYS[1:]):
            lines.append(
                f"\n(late): its p99 event delay is more than {DELAY_RATIO_MAX:g} times the direct "
                "one, so its cost per paced event does not count."
            )
        return "\n".join(lines)

    def _mark(self, row: Row, gateway: str) -> str:
        timed = row.figure == "event_paced" and gateway != "direct"
        return " (late)" if timed and self.late(gateway) else ""

    def as_json(self) -> dict:
        """Small enough to be read in a diff."""
        return {
            **self.about,
            "medians": {
                row.figure: {
                    name: round(value, 3)
                    for name in GATEWAYS
                    if (value := self.value(row.figure, name)) is not None
                }
                for row in ROWS
                if row.figure in self.figures
            },
            "ratios_to_nginx": {
                row.figure: round(ratio, 3)
                for row in ROWS
                if (ratio := self.ratio(row.figure, "nginx")) is not None
            },
            "us_above_haproxy": self._above_haproxy(),
            "late": [name for name in GATEWAYS[1:] if self.late(name)],
            "missed": self.missed(),
        }

    def section(self) -> str:
        """For bench/README.md."""
        about = self.about
        versions = ", ".join(f"{name} {version}" for name, version in about["versions"].items())
        verdict = "; ".join(self.missed()) or "none"
        return (
            f"{about['date']}, {about['machine']}, load average {about['load_1m'][0]} before and "
            f"{about['load_1m'][1]} after; {versions}. {about['rounds']} rounds of "
            f"{about['seconds']:g} s for each cell, one run.\n\n"
            f"{self.table()}\n\n{self._added()}Gates missed: {verdict}.\n"
        )

    def _above_haproxy(self) -> dict[str, float]:
        figures = ("added_p50", "added_first_token_p50")
        found = {figure: self.above(figure, "haproxy") for figure in figures}
        return {figure: round(above, 1) for figure, above in found.items() if above is not None}

    def _added(self) -> str:
        """What the medians of the table do not say: how the rounds compare."""
        titles = {row.figure: row.title for row in ROWS}
        return "".join(
            f"Round by round, {titles[figure]}: {above:+.0f} to HAProxy's.\n\n"
            for figure, above in self._above_haproxy().items()
        )


def _number(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:,.{digits}f}"


def replace_section(readme: Path, name: str, text: str) -> None:
    """Puts `text` between the two comments that mark the figures of a benchmark."""
    begin, end = f"<!-- {name}: figures -->", f"<!-- {name}: end -->"
    marked = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
    before = readme.read_text()
    after, count = marked.subn(lambda _: f"{begin}\n{text}{end}", before)
    if count != 1:
        raise SystemExit(f"{readme} lacks {begin} and {end}")
    readme.write_text(after)
