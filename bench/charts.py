"""A chart for each figure of bench/results, as SVG in bench/charts, all shown by its README.

./dev bench charts
"""

import json
import sys
from html import escape
from pathlib import Path

HERE = Path(__file__).parent
CHARTS = HERE / "charts"
sys.path[1:1] = [str(HERE.parent / "tests"), str(HERE.parent / "tools")]

from overhead.report import ROWS

WIDTH, BAR, GAP, LABEL, VALUE = 520, 20, 8, 90, 80
COLORS = {"rocket": "#c2410c", "nginx": "#0f766e", "haproxy": "#1d4ed8", "direct": "#6b7280"}
OTHER = "#c2410c"


def bars(title: str, values: dict[str, float], digits: int = 0) -> str:
    """A horizontal bar per value, from zero."""
    most = max(values.values()) or 1
    height = 34 + len(values) * (BAR + GAP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
        f'viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="12">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
        f'<text x="8" y="20" font-weight="bold">{escape(title)}</text>',
    ]
    for index, (name, value) in enumerate(values.items()):
        y = 30 + index * (BAR + GAP)
        wide = max(1.0, (WIDTH - LABEL - VALUE) * max(value, 0) / most)
        color = COLORS.get(name, OTHER)
        text = y + BAR * 0.7
        parts += [
            f'<text x="8" y="{text:.0f}">{escape(name)}</text>',
            f'<rect x="{LABEL}" y="{y}" width="{wide:.1f}" height="{BAR}" fill="{color}"/>',
            f'<text x="{LABEL + wide + 6:.1f}" y="{text:.0f}">{value:,.{digits}f}</text>',
        ]
    return "\n".join([*parts, "</svg>", ""])


def drawn() -> dict[str, str]:
    """File name -> chart."""
    charts = {}
    overhead = json.loads((HERE / "results/overhead.json").read_text())["medians"]
    for row in ROWS:
        if row.figure in overhead:
            chart = bars(row.title, overhead[row.figure], row.digits)
            charts[f"overhead-{row.figure}.svg"] = chart
    for name, title in (
        ("instructions", "instructions per request and per event"),
        ("growth", "instructions per request, small and large configuration"),
    ):
        kept = json.loads((HERE / "results" / f"{name}.json").read_text())["instructions"]
        charts[f"{name}.svg"] = bars(title, kept)
    return charts


def main() -> int:
    CHARTS.mkdir(exist_ok=True)
    charts = drawn()
    for file in CHARTS.glob("*.svg"):
        if file.name not in charts:
            file.unlink()
    for name, chart in charts.items():
        (CHARTS / name).write_text(chart)
    lines = ["Bars from zero; less is better.", ""]
    lines += [f"![{name.removesuffix('.svg')}]({name})" for name in charts]
    (CHARTS / "README.md").write_text("# Charts\n\n" + "\n".join(lines) + "\n")
    print(f"{len(charts)} charts in bench/charts")
    return 0


if __name__ == "__main__":
    sys.exit(main())
