"""A mail that brings reports, as programs show it that show HTML."""

from __future__ import annotations

from typing import Any

from server.delivery.mail_frame import framed

_PAGE = framed("""\
{% block content %}
{% if trial %}<p class="ink" style="margin:0 0 20px;padding:10px 14px;border:2px solid #b7791f;border-radius:6px;\
font-size:14px;line-height:1.5;font-weight:600;color:#1b1e24;">{{ trial }}</p>{% endif %}
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
{% if report.picture %}<img src="cid:{{ report.picture }}" alt="{{ report.told }}" width="550" \
style="display:block;width:100%;max-width:550px;height:auto;margin-top:12px;border:0;border-radius:6px;\
background:#ffffff;color:#1b1e24;font-size:13px;line-height:1.5;">{% endif %}
</td></tr></table>
{% endfor %}
{% if button %}<p style="margin:24px 0 0;"><a href="{{ button.url }}" style="display:inline-block;padding:10px 18px;\
border-radius:6px;background:#1f5fd0;color:#ffffff;font-size:15px;text-decoration:none;">{{ button.label }}</a></p>
{% endif %}
{% for note in notes %}
<p class="soft" style="margin:16px 0 0;font-size:13px;line-height:1.5;color:#5c6370;">{{ note }}</p>
{% endfor %}
{% endblock %}
{% block footer %}
{% for line in footer %}{{ line }}<br>{% endfor %}
{% if unsubscribe %}<a class="link" href="{{ unsubscribe.url }}" style="\
color:#1f5fd0;">{{ unsubscribe.label }}</a>{% endif %}
{% endblock %}
""")


def mail_page(**values: Any) -> str:
    return _PAGE.render(**values)
