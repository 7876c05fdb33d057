"""What leaves the house when a rule breaks or is kept again: a mail and a message, in the language of the owner."""

from __future__ import annotations

from collections.abc import Sequence

from server.datasets.work import QueryResult
from server.delivery.mail_frame import framed
from server.delivery.messages import ChannelMessage
from server.delivery.parcel import Mail
from server.delivery.wishes import DeliveryWish, filled
from server.languages import Languages
from server.schedules.rules import RuleFinding, text_of
from server.texts import told

MOST_ROWS, _MOST_COLUMNS = 10, 8

_PAGE = framed("""\
{% block content %}
<h1 class="ink" style="margin:0 0 12px;font-size:20px;line-height:1.3;color:#1b1e24;">{{ subject }}</h1>
{% for sentence in sentences %}
<p class="ink" style="margin:0 0 8px;font-size:15px;line-height:1.5;color:#1b1e24;">{{ sentence }}</p>
{% endfor %}
{% if rows %}<table width="100%" cellpadding="0" cellspacing="0" style="margin-top:16px;border-collapse:collapse;">
<tr>{% for name in names %}<th class="soft line" align="left" style="padding:4px 8px 4px 0;font-size:13px;\
border-bottom:1px solid #dfe2e8;color:#5c6370;">{{ name }}</th>{% endfor %}</tr>
{% for row in rows %}<tr>{% for cell in row %}<td class="ink line" style="padding:4px 8px 4px 0;font-size:14px;\
border-bottom:1px solid #dfe2e8;color:#1b1e24;">{{ cell }}</td>{% endfor %}</tr>
{% endfor %}</table>{% endif %}
{% if more %}<p class="soft" style="margin:8px 0 0;font-size:13px;color:#5c6370;">{{ more }}</p>{% endif %}
{% if url %}<p style="margin:24px 0 0;"><a href="{{ url }}" style="display:inline-block;padding:10px 18px;\
border-radius:6px;background:#1f5fd0;color:#ffffff;font-size:15px;text-decoration:none;">{{ label }}</a></p>{% endif %}
{% endblock %}
{% block footer %}
{% if unsubscribe %}<a class="link" href="{{ unsubscribe }}" style="color:#1f5fd0;">{{ no_more }}</a>{% endif %}
{% endblock %}
""")


ALERT_PLACEHOLDERS = ("title", "batch", "count")


class AlertWords:
    """`url` leads to the schedule, for whoever has an account; empty where nobody said what this server is called."""

    def __init__(
        self,
        *,
        name: str,
        finding: RuleFinding,
        result: QueryResult,
        wish: DeliveryWish,
        url: str,
        language: str,
        languages: Languages,
    ) -> None:
        self._finding = finding
        self._result = result
        # Where any row may break it, those that do: a reader takes the rows below the sentence for its proof.
        places = finding.breaking
        self._told_rows = result.rows if places is None else [result.rows[place] for place in places]
        self._url = url
        self._language = language
        self._gettext = languages.of(language).gettext
        title = "“{name}” breaks its rule" if finding.is_broken else "“{name}” keeps its rule again"
        parameters = finding.sentence["parameters"]
        assert isinstance(parameters, dict)
        self.sentence = told(str(finding.sentence["phrase"]), parameters, self._gettext)
        own = dict(zip(ALERT_PLACEHOLDERS, (name, name, str(len(result.rows))), strict=True))
        usual = told(title, {"name": name}, self._gettext)
        self.subject = " ".join(filled(wish.subject, own).split()) or usual
        self._texts = [filled(wish.body, own)] if wish.body else []

    def mail(self, recipient: str, *, unsubscribe: str) -> Mail:
        more = self._more()
        no_more = self._gettext("No more of this mail")
        lines = [" | ".join(row) for row in ([self._names, *self._rows] if self._rows else [])]
        parts = [*self._texts, self.sentence, "\n".join(lines), more, self._url]
        if unsubscribe:
            parts.append(f"--\n{no_more}: {unsubscribe}")
        return Mail(
            recipients=(recipient,),
            subject=self.subject,
            text="\n\n".join(part for part in parts if part) + "\n",
            html=_PAGE.render(
                language=self._language,
                subject=self.subject,
                sentences=[*self._texts, self.sentence],
                names=self._names,
                rows=self._rows,
                more=more,
                url=self._url,
                label=self._gettext("Open the schedule"),
                unsubscribe=unsubscribe,
                no_more=no_more,
            ),
            unsubscribe=unsubscribe,
        )

    def message(self) -> ChannelMessage:
        first = self._rows[0] if self._rows else ()
        rest = [" | ".join(row) for row in self._rows[1:]]
        return ChannelMessage(
            title=self.subject,
            text="\n".join([*self._texts, self.sentence, *rest, *filter(None, [self._more()])]),
            facts=tuple(zip(self._names, first, strict=False)),
            url=self._url,
            language=self._language,
            event="alert.broken" if self._finding.is_broken else "alert.kept",
        )

    @property
    def _names(self) -> list[str]:
        return [text_of(name) for name in self._result.names[:_MOST_COLUMNS]]

    @property
    def _rows(self) -> Sequence[Sequence[str]]:
        return [[text_of(value) for value in row[:_MOST_COLUMNS]] for row in self._told_rows[:MOST_ROWS]]

    def _more(self) -> str:
        """What is left out is said."""
        said = []
        rows = len(self._told_rows) - len(self._rows)
        if self._result.truncated or rows > 0:
            words = "There are more rows than these {count}."
            said.append(told(words, {"count": len(self._rows)}, self._gettext))
        if len(self._result.columns) > _MOST_COLUMNS:
            words = "There are more columns than these {count}."
            said.append(told(words, {"count": _MOST_COLUMNS}, self._gettext))
        return " ".join(said)
