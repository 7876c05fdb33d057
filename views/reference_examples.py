"""What requests look like: values for the placeholders of addresses, and bodies that the server would read.

They are of one story: orders of 2026 become the dataset `orders` and the report `monthly-sales`.
"""

from __future__ import annotations

from typing import Any

_ID = "01kb2w8e5r6t7y8p9q0s1d2f3g"
_DATASET, _TEMPLATE = "orders", "monthly-sales"
_PLACES = {"number": "2", "file": "report.pdf", "rule_id": "disk_left", "kind": "report"}
_FORMATS = {"/datasets/": "xlsx", "/imports/": "csv"}
_NAMES = {
    "/datasets/": _DATASET,
    "/templates/": _TEMPLATE,
    "/groups/": "Finance",
    "/events/": "prices",
    "/folders/": "inbox",
}
_QUERIES = {"from": "1", "to": "2"}
_HEADERS = {"Tus-Resumable": "1.0.0", "Upload-Offset": "0", "X-HTTP-Method-Override": "PATCH"}
_PASSWORD = "correct-horse-battery"  # noqa: S105 - an example
BODIES: dict[str, Any] = {
    "api_add_alert_rule": {"subject": "disk_left", "threshold": 0.1, "channels": ["mail"]},
    "api_change_alert_rule": {"threshold": 0.05, "channels": ["mail", "notice"]},
    "api_test_alert": {"channel": "mail"},
    "api_server_brand_save": {"accent": "#0a5c5c", "footer": "Example Ltd"},
    "api_broadcast": {"title": "Maintenance at 22:00", "body": "Reports go on afterwards.", "level": "info"},
    "api_invite": {"role": "editor", "name": "li.wei", "expires_in_days": 7},
    "api_plan_maintenance": {"minutes": 90, "begin": "2026-12-05T22:00", "note": "New disks"},
    "api_create_user": {"username": "li.wei", "password": _PASSWORD, "role": "editor"},
    "api_change_user": {"role": "viewer"},
    "api_hand_over_schedules": {"to": "li.wei"},
    "api_reset_link": {"expires_in_hours": 24},
    "api_add_wall": {"name": "Control room"},
    "api_link_make": {"report": _ID, "expires_at": "2026-12-31", "password": "mountain"},
    "api_comment_write": {"text": "@li.wei, the East is missing a week."},
    "api_comment_edit": {"text": "@li.wei, the East is missing two weeks."},
    "api_batch_start": {"template": _TEMPLATE, "parameters": [{"region": "East"}], "formats": ["pdf", "xlsx"]},
    "api_batch_deliver": {"deliveries": [{"via": "mail", "to": ["boss@example.com"], "attach": False}]},
    "api_delivery_retry": {"trial": True},
    "api_delivery_preview": {
        "template": _TEMPLATE,
        "parameters": {"query": "select region, manager_mail from regions"},
        "deliveries": [{"via": "mail", "to_column": "manager_mail", "subject": "{{ title }}, {{ period }}"}],
    },
    "api_schedule_create": {
        "template": _TEMPLATE,
        "cron": "0 8 1 * *",
        "time_zone": "Asia/Shanghai",
        "parameters": [{"region": "East"}],
    },
    "api_schedule_change": {"enabled": False},
    "api_schedule_run": {"trial": True},
    "api_schedule_hand_over": {"to": "li.wei"},
    "api_brand_save": {"accent": "#0a5c5c", "footer": "Sales team"},
    "api_change_dataset_access": {"grants": [{"user": "li.wei", "right": "edit"}, {"everyone": True, "right": "view"}]},
    "api_change_template_access": {"grants": [{"group": "Finance", "right": "view"}]},
    "api_change_batch_access": {"grants": [{"group": "Finance", "right": "view"}]},
    "api_create_group": {"name": "Finance", "members": ["li.wei"]},
    "api_change_group": {"members": ["li.wei", "zoe"]},
    "api_change_dataset": {"description": "Orders of 2026", "tags": ["sales"]},
    "publish_event": {"symbol": "ACME", "price": 41.5},
    "api_start_fetch": {"folder": "inbox", "file": "orders-*.csv"},
    "api_start_import": {"upload_id": _ID, "dataset": _DATASET, "mode": "create"},
    "api_check_import": {"dataset": _DATASET, "mode": "append"},
    "api_correct_rows": {"rows": [{"line": 17, "cells": ["1016", "2026-10-31", "East", "41.50"]}]},
    "begin_job": {"title": "Nightly ETL", "total": 120_000, "unit": "rows"},
    "cancel_jobs": {"filter": {"state": ["queued"], "until": "2026-11-27T08:00:00Z"}},
    "delete_jobs": {"filter": {"state": ["succeeded"], "ended_until": "2026-11-01T00:00:00Z"}},
    "start_demonstration": {"total": 1_000, "seconds": 10},
    "delete_batches": {"filter": {"template": [_TEMPLATE], "to": "2026-01-31"}, "expected": 17},
    "retry_batches": {"filter": {"state": ["partial"], "created": "today"}, "expected": 2},
    "cancel_batches": {"filter": {"state": ["queued"]}, "expected": 5},
    "share_batches": {
        "filter": {"value": ["month=2026-10"]},
        "expected": 4,
        "grant": {"group": "Finance", "right": "view"},
    },
    "save_view": {
        "list": "batches",
        "name": "Europe, last month",
        "query": {"value": ["region=Europe"], "created": ["last-month"]},
    },
    "change_view": {"shared": True},
    "retry_jobs": {"filter": {"state": ["failed"], "error": ["worker_died"]}},
    "change_job": {"progress": 48_213, "message": "Reading orders"},
    "api_change_me": {"language": "zh-CN", "time_zone": "Asia/Shanghai"},
    "api_change_my_mail": {"address": "alice@example.com", "kinds": {"failed": True, "scheduled": True}},
    "api_push_subscribe": {
        "endpoint": "https://fcm.googleapis.com/fcm/send/c1KrmpTuRm4:APA91b",
        "keys": {
            "p256dh": "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
            "auth": "BTBZMqHH6r4Tts7J_aSIgg",
        },
        "kinds": ["failed", "scheduled"],
    },
    "api_add_passkey": {"name": "Laptop", "answer": {"id": "…", "type": "public-key"}, "sealed": "…"},
    "api_begin_passkey": {"current_password": _PASSWORD},
    "api_rename_passkey": {"name": "Old laptop"},
    "api_change_password": {"current_password": _PASSWORD, "new_password": "purple-train-window"},
    "api_confirm_second_factor": {"sealed": "…", "code": "123456"},
    "api_begin_second_factor": {"current_password": _PASSWORD},
    "api_recovery_codes": {"current_password": _PASSWORD},
    "api_remove_second_factor": {"current_password": _PASSWORD},
    "api_query": {"sql": "select region, sum(amount) as amount from orders group by region", "limit": 100},
    "api_save_query": {"name": "Sales by region", "sql": "select region, sum(amount) from orders group by region"},
    "api_change_saved_query": {"description": "For the Monday meeting"},
    "api_template_start": {"dataset": _DATASET, "name": _TEMPLATE},
    "api_gallery_start": {"gallery": "sales-overview"},
    "api_template_preview": {"parameters": {"region": "East"}, "format": "pdf"},
    "api_create_token": {"name": "nightly import", "scopes": ["write"], "expires_in_days": 90},
    "api_upload_preview_again": {"encoding": "gb18030", "delimiter": ";"},
}


def place(path: str, name: str) -> str:
    """What may stand at the placeholder `name` of `path`, which is below `/api/v1`."""
    special = {"name": _NAMES, "format": _FORMATS}.get(name, {})
    return next((value for begin, value in special.items() if path.startswith(begin)), _PLACES.get(name, _ID))


def needed_query(name: str) -> str:
    """A value for a parameter that may not be left out."""
    return _QUERIES.get(name, "…")


def needed_header(name: str) -> str:
    return _HEADERS.get(name, "…")
