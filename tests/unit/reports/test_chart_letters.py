"""Words are taken out of a drawing with their place, turn and look; what is not understood stays in it."""

from __future__ import annotations

import pytest

from server.reports.chart_letters import lettered

DRAWING = '<svg xmlns="http://www.w3.org/2000/svg" width="400" height="300"><path d="M0 0L1 1"/>{text}</svg>'
PLAIN = {
    "x": 10.0,
    "y": 20.0,
    "turn": 0.0,
    "size": 11.0,
    "fill": "#222222",
    "bold": False,
    "share": 0.0,
    "central": False,
}


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ('x="10" y="20" font-size="11" fill="#222222"', {}),
        (
            'x="10" y="20" font-size="11" fill="#222222" text-anchor="end" font-weight="bold"',
            {"share": 1.0, "bold": True},
        ),
        ('x="10" y="20" font-size="11" fill="rgba(255, 0, 16, 0.5)"', {"fill": "#ff001080"}),
        ('x="10" y="20" font-size="11" fill="#222222" transform="rotate(-45 10 20)"', {"turn": -45.0}),
        (
            'dominant-baseline="central" style="font-size:18px;font-family:X;font-weight:bold;" y="-5" '
            'transform="translate(10 25)" fill="#222222"',
            {"size": 18.0, "bold": True, "central": True},
        ),
        (
            'style="font: normal bold 12px X" x="5" y="0" transform="matrix(0,1,-1,0,10,15)" fill="#222222"',
            {"turn": 90.0, "size": 12.0, "bold": True},
        ),
    ],
)
def test_words_of_other_scripts_are_taken_out(attributes: str, expected: dict[str, object]) -> None:
    found = lettered(DRAWING.format(text=f"<text {attributes}>骨 &lt;b&gt; &amp;</text>"))
    assert found["letters"] == [PLAIN | {"text": "骨 <b> &"} | expected]
    assert (found["svg"], found["width"]) == (DRAWING.format(text=""), 400.0)


@pytest.mark.parametrize(
    "text",
    [
        '<text x="1" y="2" font-size="11">Škoda Ж “1.5” €</text>',
        '<text x="1" y="2" font-size="11" fill="red">骨</text>',
        '<text x="1" y="2" font-size="11" transform="scale(2)">骨</text>',
        '<text x="1" y="2" font-size="11" transform="rotate(10)">骨</text>',
        '<text x="1" y="2">骨</text>',
        '<text x="1 5" y="2" font-size="11">骨</text>',
        '<text x="1" y="2" font-size="11"><tspan>骨</tspan></text>',
        '<g transform="translate(1 1)"><text x="1" y="2" font-size="11">骨</text></g>',
    ],
)
def test_what_the_drawing_can_set_or_nobody_understands_stays(text: str) -> None:
    found = lettered(DRAWING.format(text=text))
    assert (found["svg"], found["letters"]) == (DRAWING.format(text=text), [])
