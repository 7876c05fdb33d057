"""What all mails look like in programs that show HTML: one column, few styles, readable in the dark and on a phone.

Mail programs know little: tables make the layout, and what has a colour has it on the element.
"""

from __future__ import annotations

from jinja2 import DictLoader, Environment, StrictUndefined, Template

_FRAME = """\
<!doctype html>
<html lang="{{ language }}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
<title>{{ subject }}</title>
<style>
:root { color-scheme: light dark; }
@media (prefers-color-scheme: dark) {
  .paper { background: #14161a !important; }
  .card { background: #1d2026 !important; border-color: #33373f !important; }
  .ink { color: #eceef2 !important; }
  .soft { color: #a9afba !important; }
  .line { border-color: #33373f !important; }
  .link { color: #8fb8ff !important; }
}
</style>
</head>
<body class="paper" style="margin:0;padding:0;background:#f4f5f7;">
<table role="presentation" class="paper" width="100%" cellpadding="0" cellspacing="0" style="background:#f4f5f7;">
<tr><td align="center" style="padding:24px 12px;">
<table role="presentation" width="100%" cellpadding="0" cellspacing="0" style="max-width:600px;text-align:left;\
font-family:-apple-system,'Segoe UI',Roboto,'PingFang SC','Microsoft YaHei','Noto Sans CJK SC',Arial,sans-serif;">
<tr><td class="card" style="background:#ffffff;border:1px solid #dfe2e8;border-radius:8px;padding:24px;">
{% block content %}{% endblock %}
</td></tr>
<tr><td class="soft" style="padding:16px 8px;font-size:12px;line-height:1.6;color:#5c6370;">
{% block footer %}{% endblock %}
</td></tr>
</table>
</td></tr></table>
</body>
</html>
"""
_MAILS = Environment(
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    loader=DictLoader({"frame": _FRAME}),
)


def framed(source: str) -> Template:
    """`source` fills the blocks `content` and `footer`; it is given `language` and `subject` besides its own."""
    return _MAILS.from_string('{% extends "frame" %}' + source)
