"""Notifications as a mail that shows HTML."""

from __future__ import annotations

from typing import Any

from server.delivery.mail_frame import framed

_PAGE = framed("""
{% block content %}
{% if heading %}<h1 class="ink" style="margin:0 0 8px;font-size:20px;line-height:1.3;color:#1b1e24;">{{ heading }}</h1>
{% endif %}
{% for each in notices %}
<table role="presentation" class="line" width="100%" cellpadding="0" cellspacing="0" style="\
{{ 'margin-top:16px;border-top:1px solid #dfe2e8;' if heading }}">
<tr><td style="{{ 'padding-top:16px;' if heading }}">
<p class="ink" style="margin:0;font-size:{{ 16 if heading else 20 }}px;line-height:1.4;font-weight:600;\
color:#1b1e24;">{{ each.title }}</p>
{% if each.body %}<p class="ink" style="margin:6px 0 0;font-size:15px;line-height:1.5;color:#1b1e24;">
{%- for line in each.body.splitlines() %}{{ line }}{% if not loop.last %}<br>{% endif %}{% endfor %}</p>
{% endif %}
<p class="soft" style="margin:6px 0 0;font-size:13px;line-height:1.5;color:#5c6370;">{{ each.time }}
{%- if each.url and heading %} · <a class="link" href="{{ each.url }}" style="color:#1f5fd0;">{{ opens }}</a>{% endif %}
</p>
{% if each.url and not heading %}<p style="margin:20px 0 0;"><a href="{{ each.url }}" style="display:inline-block;\
padding:10px 18px;border-radius:6px;background:#1f5fd0;color:#ffffff;font-size:15px;text-decoration:none;">\
{{ opens }}</a></p>{% endif %}
</td></tr></table>
{% endfor %}
{% if note %}<p class="soft" style="margin:16px 0 0;font-size:13px;line-height:1.5;color:#5c6370;">{{ note }}</p>
{% endif %}
{% endblock %}
{% block footer %}
{{ why }}<br>
{% for reason in reasons %}· {{ reason }}<br>{% endfor %}
<a class="link" href="{{ account.url }}" style="color:#1f5fd0;">{{ account.label }}</a>
· <a class="link" href="{{ stop.url }}" style="color:#1f5fd0;">{{ stop.label }}</a>
{% endblock %}
""")


def notice_page(**values: Any) -> str:
    return _PAGE.render(**values)


_CONFIRM = framed("""
{% block content %}
<h1 class="ink" style="margin:0 0 8px;font-size:20px;line-height:1.3;color:#1b1e24;">{{ heading }}</h1>
<p class="ink" style="margin:12px 0 0;font-size:15px;line-height:1.5;color:#1b1e24;">{{ body }}</p>
<p style="margin:24px 0 0;"><a href="{{ url }}" style="display:inline-block;padding:10px 18px;border-radius:6px;\
background:#1f5fd0;color:#ffffff;font-size:15px;text-decoration:none;">{{ opens }}</a></p>
{% endblock %}
{% block footer %}{{ why }}{% endblock %}
""")


def confirm_page(**values: Any) -> str:
    """Whether an address is somebody's."""
    return _CONFIRM.render(**values)
