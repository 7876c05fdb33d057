"""A mail as programs show it that show HTML: one column, few styles, readable in the dark and on a phone.

Mail programs know little: tables make the layout, and what has a colour has it on the element.
"""

from __future__ import annotations

from typing import Any

from jinja2 import Environment, StrictUndefined

_SOURCE = """\
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
<h1 class="ink" style="margin:0 0 4px;font-size:20px;line-height:1.3;color:#1b1e24;">{{ heading }}</h1>
{% if period %}<p class="soft" style="margin:0 0 16px;font-size:14px;color:#5c6370;">{{ period }}</p>{% endif %}
{% for paragraph in paragraphs %}
<p class="ink" style="margin:12px 0 0;font-size:15px;line-height:1.5;color:#1b1e24;">
{%- for line in paragraph %}{{ line }}{% if not loop.last %}<br>{% endif %}{% endfor %}</p>
{% endfor %}
{% for report in reports %}
<table role="presentation" class="line" width="100%" cellpadding="0" cellspacing="0" \
style="margin-top:20px;border-top:1px solid #dfe2e8;">
<tr><td style="padding-top:16px;">
<p class="ink" style="margin:0;font-size:16px;font-weight:600;color:#1b1e24;">
{%- if report.url %}<a class="link" href="{{ report.url }}" style="color:#1f5fd0;">{{ report.title }}</a>
{%- else %}{{ report.title }}{% endif %}</p>
{% if report.parameters %}<p class="soft" style="margin:4px 0 0;font-size:13px;line-height:1.5;color:#5c6370;">
{%- for label, text in report.parameters %}{{ label }}: {{ text }}{% if not loop.last %} · {% endif %}{% endfor %}</p>
{% endif %}
{% if report.figures %}<table role="presentation" width="100%" cellpadding="0" cellspacing="0" style="margin-top:8px;">
{% for label, text in report.figures %}<tr>
<td class="soft" style="padding:4px 8px 4px 0;font-size:14px;color:#5c6370;">{{ label }}</td>
<td class="ink" align="right" style="padding:4px 0;font-size:16px;font-weight:600;color:#1b1e24;\
white-space:nowrap;">{{ text }}</td>
</tr>{% endfor %}
</table>{% endif %}
</td></tr></table>
{% endfor %}
{% if button %}<p style="margin:24px 0 0;"><a href="{{ button.url }}" style="display:inline-block;padding:10px 18px;\
border-radius:6px;background:#1f5fd0;color:#ffffff;font-size:15px;text-decoration:none;">{{ button.label }}</a></p>
{% endif %}
{% for note in notes %}
<p class="soft" style="margin:16px 0 0;font-size:13px;line-height:1.5;color:#5c6370;">{{ note }}</p>
{% endfor %}
</td></tr>
<tr><td class="soft" style="padding:16px 8px;font-size:12px;line-height:1.5;color:#5c6370;">
{% for line in footer %}{{ line }}<br>{% endfor %}
{% if unsubscribe %}<a class="link" href="{{ unsubscribe.url }}" style="\
color:#1f5fd0;">{{ unsubscribe.label }}</a>{% endif %}
</td></tr>
</table>
</td></tr></table>
</body>
</html>
"""
_PAGE = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True).from_string(
    _SOURCE
)


def mail_page(**values: Any) -> str:
    return _PAGE.render(**values)
