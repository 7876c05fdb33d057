"""Every action that the audit log knows, and the details that may stand beside it: what is not listed is not kept."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

_LONGEST, _MOST = 300, 50  # characters of a text, members of a list

DETAILS: Mapping[str, frozenset[str]] = {
    action: frozenset(details.split())
    for action, details in {
        "access.change": "kind owner grants",
        "access.look": "kind owner",
        "account.change": "fields",
        "account.email_confirm": "",
        "account.email_prove": "",
        "account.mail_stop": "kinds",
        "account.password": "by",
        "alert.test": "",
        "alert_rule.add": "subject target threshold seconds on channels",
        "alert_rule.change": "subject target threshold seconds on channels",
        "alert_rule.delete": "",
        "alert_rule.reset": "",
        "audit.export": "format filters since until",
        "batch.cancel": "",
        "batch.delete": "reports",
        "batch.retry": "reports",
        "batch.start": "template version",
        "brand.change": "fields",
        "brand.delete": "",
        "broadcast.send": "level",
        "comment.delete": "owner author",
        "connection.close": "device reason",
        "dataset.change": "fields renamed_to",
        "dataset.delete": "versions rows",
        "dataset.restore": "from version",
        "event.publish": "",
        "fetch.start": "source",
        "group.change": "renamed_to members",
        "group.create": "members",
        "group.delete": "members",
        "identity.link": "",
        "identity.unlink": "",
        "import.check": "dataset mode",
        "import.correct": "dataset rows",
        "import.start": "dataset mode",
        "invitation.create": "role",
        "invitation.revoke": "",
        "job.cancel": "kind",
        "job.delete": "kind",
        "job.demonstrate": "kind",
        "job.retry": "kind",
        "link.create": "expires_at protected shows",
        "link.revoke": "openings owner shows",
        "maintenance.end": "",
        "maintenance.plan": "begin zone minutes weekly",
        "outbox.send_again": "",
        "passkey.add": "",
        "passkey.remove": "owner",
        "passkey.rename": "",
        "peer.accept": "sender count bytes",
        "peer.decline": "sender count bytes",
        "peer.offer": "to count bytes",
        "query.change": "",
        "query.delete": "",
        "query.forget": "",
        "query.save": "",
        "report.export_files": "batches",
        "report.export_list": "batches",
        "reset_link.create": "hours",
        "reset_link.revoke": "",
        "retention.sweep": "count bytes days",
        "delivery.allow": "schedule",
        "delivery.order": "via",
        "delivery.refuse": "schedule",
        "delivery.release": "",
        "delivery.retry": "to via",
        "delivery.trial": "to via",
        "delivery.unhold": "owner",
        "schedule.change": "fields",
        "schedule.create": "template runs when",
        "schedule.delete": "",
        "schedule.hand_over": "owner to",
        "schedule.pause": "",
        "schedule.resume": "",
        "schedule.run": "",
        "schedule.stop": "reason",
        "schedule.trial": "",
        "second_factor.disable": "",
        "second_factor.enable": "",
        "second_factor.recovery_codes": "",
        "second_factor.reset": "",
        "session.end": "",
        "session.end_others": "count",
        "session.refuse": "reason left_out",
        "session.start": "by means",
        "template.delete": "version",
        "template.install_samples": "names",
        "template.save": "version restored_from",
        "token.create": "scopes expires_at means",
        "token.delete": "",
        "upload.create": "",
        "upload.delete": "",
        "upload.join": "parts",
        "user.change": "role disabled password by",
        "user.create": "role by invited_by",
        "view.change": "list shared changed",
        "view.remove": "list shared",
        "view.save": "list shared",
        "wall.add": "shows_names",
        "wall.remove": "",
    }.items()
}


def kept_details(action: str, detail: Mapping[str, Any]) -> dict[str, Any]:
    """What of `detail` is written. What is missing in the list is a mistake of ours: a warning, which fails tests."""
    allowed = DETAILS.get(action)
    if allowed is None or detail.keys() - allowed:
        warnings.warn(f"{action} with {sorted(detail)} is not in the list of audited actions", stacklevel=3)
    return {name: _plain(value) for name, value in detail.items() if name in (allowed or ())}


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(each) for each in list(value)[:_MOST]]
    return str(value)[:_LONGEST]
