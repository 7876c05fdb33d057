"""What others take to make the PDF of a report: the same figures, the same two charts, the same table.

`python report_peers.py NAME SOURCE COUNT` in an environment that has the peer; prints the seconds of wall and CPU that
COUNT PDFs take once the first is made. SOURCE is our own page of the report (WeasyPrint sets it as it stands, with its
drawings) or its figures as JSON (ReportLab, which draws its own).
"""

from __future__ import annotations

import io
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path


def weasyprint(source: Path) -> Callable[[], bytes]:
    import weasyprint

    page = source.read_text("utf-8")
    return lambda: bytes(weasyprint.HTML(string=page).write_pdf())


def reportlab(source: Path) -> Callable[[], bytes]:
    from reportlab.graphics.charts.barcharts import VerticalBarChart
    from reportlab.graphics.charts.linecharts import HorizontalLineChart
    from reportlab.graphics.shapes import Drawing
    from reportlab.lib.pagesizes import A4
    from reportlab.lib.styles import getSampleStyleSheet
    from reportlab.platypus import Paragraph, SimpleDocTemplate, Table

    data = json.loads(source.read_text("utf-8"))

    def drawn(chart: VerticalBarChart | HorizontalLineChart, rows: list[list[object]]) -> Drawing:
        chart.x, chart.y, chart.width, chart.height = 50, 40, 400, 150
        chart.data = [[row[1] for row in rows]]
        chart.categoryAxis.categoryNames = [str(row[0]) for row in rows]
        drawing = Drawing(480, 210)
        drawing.add(chart)
        return drawing

    def made() -> bytes:
        styles, target = getSampleStyleSheet(), io.BytesIO()
        parts = [Paragraph(data["title"], styles["Title"])]
        parts += [Paragraph(f"{label}: <b>{value}</b>", styles["Normal"]) for label, value in data["figures"]]
        parts += [drawn(HorizontalLineChart(), data["by_month"]), drawn(VerticalBarChart(), data["top"])]
        parts.append(Table([["product", "revenue", "pieces"], *data["top"]]))
        SimpleDocTemplate(target, pagesize=A4).build(parts)
        return target.getvalue()

    return made


def main() -> None:
    name, source, count = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    make = {"WeasyPrint": weasyprint, "ReportLab": reportlab}[name](source)
    assert make().startswith(b"%PDF")
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(count):
        make()
    print(time.perf_counter() - wall, time.process_time() - cpu)


if __name__ == "__main__":
    main()
