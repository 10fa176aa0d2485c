"""How fast lists are read, next to the plain loop that anybody would write.

    python tools/bench/extraction.py                    # all of it, half an hour
    python tools/bench/extraction.py even "limit 20"    # some of it
    python tools/bench/extraction.py --plot docs/images/extraction.svg
    python tools/bench/extraction.py "custom fields" --plot-cpu docs/images/formats.svg

The server is the sandbox, in a process of its own, with a company made for measuring (company_server.py). Each reader
runs in a process of its own, in turns, three times; what is stated are medians and their ratios within this run.
Pages are served from a cache that is filled beforehand, but the server shares the machine's cores with the reader.
"""

from __future__ import annotations

import argparse
import csv
import json
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pyarrow.parquet as pq

HERE = Path(__file__).parent
LIMIT = 400
"""Requests per 2 s where the limit is not to bind: the largest plan's, by OAuth."""


FORMATS = ("bare", "ours", "names", "csv", "parquet")


@dataclass(frozen=True)
class Case:
    """A company, a network, and who reads."""

    name: str
    company: tuple[str, ...] = ()
    latency: int = 150
    limit: int = LIMIT
    readers: tuple[str, ...] = ("bare", "ours")
    concurrency: int = 32
    seen: dict[str, list[dict[str, float]]] = field(default_factory=dict)


CASES = (
    Case("even, 150 ms"),
    Case("even, 50 ms", latency=50),
    Case("recent", ("--history", "recent")),
    Case("import", ("--history", "import")),
    Case("untouched", ("--untouched", "0.01")),
    Case("sparse", ("--untouched", "0.01", "--sparse", "0.3")),
    Case("200,000 deals", ("--deals", "200000")),
    Case("limit 20", limit=20),
    Case("limit 80", limit=80),
    Case("one connection, 0 ms", latency=0, readers=("bare", "ours", "names"), concurrency=1),
    Case("beside others, 150 ms", readers=("bare", "ours", "names", "http-operator", "dlt")),
    Case("windows, 0 ms", latency=0, readers=("bare", "ours", "names")),
    Case("87 custom fields", latency=0, readers=FORMATS),
    Case("16 custom fields", ("--custom-fields", "16"), latency=0, readers=FORMATS),
)


def main() -> int:
    """Run the cases; the exit code is 1 if a reader missed or doubled a record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cases", nargs="*", metavar="CASE", help="parts of cases' names")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--plot", type=Path, help="write a picture of the wall times (SVG)")
    parser.add_argument("--plot-cpu", type=Path, help="write a picture of the CPU that each format takes (SVG)")
    options = parser.parse_args()
    chosen = [case for case in CASES if not options.cases or any(part in case.name for part in options.cases)]
    print("case                  reader          wall s x as fast   CPU s  x CPU  tokens   over    MB")
    whole = True
    for case in chosen:
        whole &= _run(case, options.runs)
    if options.plot:
        options.plot.write_text(_picture(WALLS, _walls(chosen)))
    if options.plot_cpu:
        options.plot_cpu.write_text(_picture(CPUS, _cpus(chosen)))
    return 0 if whole else 1


def _run(case: Case, runs: int) -> bool:
    command = [sys.executable, str(HERE / "company_server.py"), *case.company]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        place = json.loads(server.stdout.readline())
        try:
            _read("bare", case, place)  # fills the server's cache
            _set(server, latency_ms=case.latency, burst_limit=case.limit)
            for _ in range(runs):
                for reader in case.readers:
                    case.seen.setdefault(reader, []).append(_read(reader, case, place))
        finally:
            server.terminate()
    rows = {run["rows"] for seen in case.seen.values() for run in seen}
    for reader in case.readers:
        _print(case, reader)
    if len(rows) != 1:
        print(f"{case.name}: the readers do not agree: {sorted(rows)} rows")
    return len(rows) == 1


def _read(reader: str, case: Case, place: dict[str, Any]) -> dict[str, float]:
    before = _counters(place)["tokens"]
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, str(HERE / "readers.py"), reader, place["url"], place["api_token"], folder]
        command += ["--concurrency", str(case.concurrency), "--burst-limit", str(case.limit)]
        done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=600)
        found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
        files = [*Path(folder).glob("deals.jsonl"), *Path(folder).rglob("deals/part-*")]
        ids = [number for path in files for number in _ids(path)]
        assert len(set(ids)) == len(ids) == found["rows"], f"{reader}: records are missing or doubled"
    return {**found, "tokens": _counters(place)["tokens"] - before}


def _ids(path: Path) -> list[int]:
    """The ids in a file, in whatever format it is."""
    if path.suffix == ".parquet":
        found: list[int] = pq.read_table(path, columns=["id"]).column("id").to_pylist()
        return found
    with path.open(newline="") as file:
        return [
            int(record["id"]) for record in (csv.DictReader(file) if path.suffix == ".csv" else map(json.loads, file))
        ]


def _print(case: Case, reader: str) -> None:
    bare, own = _medians(case, "bare"), _medians(case, reader)
    print(
        f"{case.name:<22}{reader:<14}{own['wall']:>8.2f}{bare['wall'] / own['wall']:>10.2f}{own['cpu']:>8.2f}"
        f"{own['cpu'] / bare['cpu']:>7.2f}{own['tokens']:>8.0f}{own['tokens'] / bare['tokens'] - 1:>7.1%}"
        f"{own['mb']:>6.0f}",
        flush=True,
    )


def _medians(case: Case, reader: str) -> dict[str, float]:
    runs = case.seen[reader]
    return {name: statistics.median(run[name] for run in runs) for name in runs[0]}


def _counters(place: dict[str, Any]) -> dict[str, Any]:
    with urlopen(f"{place['url']}/_sandbox/counters", timeout=30) as answer:
        found: dict[str, Any] = json.load(answer)["data"]
    return found


def _set(server: subprocess.Popen[str], **settings: Any) -> None:
    assert server.stdin is not None
    assert server.stdout is not None
    server.stdin.write(json.dumps(settings) + "\n")
    server.stdin.flush()
    server.stdout.readline()


GREY, GREEN = "#b8bec6", "#0b7a4b"
WALLS = "Seconds to read the deals: plain loop (grey), this package (green)"
CPUS = "Seconds of CPU for the deals: plain loop (grey), this package (green)"
FORMAT_NAMES = {
    "bare": "plain loop",
    "ours": "as they come, JSON lines",
    "names": "readable, JSON lines",
    "csv": "readable, CSV",
    "parquet": "readable, Parquet",
}
Bars = list[tuple[str, list[tuple[float, str]]]]
"""Rows of a picture: what each is called, and its bars, seconds and colour."""


def _walls(cases: list[Case]) -> Bars:
    readers = (("bare", GREY), ("ours", GREEN))
    return [(case.name, [(_medians(case, reader)["wall"], colour) for reader, colour in readers]) for case in cases]


def _cpus(cases: list[Case]) -> Bars:
    return [
        (
            f"{case.name.split()[0]} fields: {FORMAT_NAMES[reader]}",
            [(_medians(case, reader)["cpu"], GREY if reader == "bare" else GREEN)],
        )
        for case in cases
        for reader in case.readers
    ]


def _picture(words: str, bars: Bars) -> str:
    height, left, width = 26, 250, 500
    longest = max(seconds for _, some in bars for seconds, _ in some)
    rows, y = [], 50
    for name, some in bars:
        rows.append(f'<text x="{left - 10}" y="{y + 4 + 6 * len(some)}" text-anchor="end">{escape(name)}</text>')
        for seconds, colour in some:
            length = max(2, width * seconds / longest)
            rows.append(f'<rect x="{left}" y="{y}" width="{length:.0f}" height="11" fill="{colour}"/>')
            rows.append(f'<text x="{left + length + 6:.0f}" y="{y + 10}" class="s">{seconds:.1f} s</text>')
            y += 13
        y += height - 16
    style = "text{font:13px sans-serif;fill:#24292f}.s{font-size:11px}"
    title = f'<text x="10" y="24" style="font-size:15px">{words}</text>'
    frame = f'<svg xmlns="http://www.w3.org/2000/svg" width="820" height="{y + 10}" viewBox="0 0 820 {y + 10}">'
    return f'{frame}<style>{style}</style><rect width="100%" height="100%" fill="#fff"/>{title}{"".join(rows)}</svg>\n'


if __name__ == "__main__":
    sys.exit(main())
