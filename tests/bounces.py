"""Mails that come back, as mail servers write them."""

from __future__ import annotations

from server.deliveries.bounce_reading import tagged

ADDRESS = "bounces@example.com"


def bounced(
    tag: str,
    *,
    action: str = "failed",
    status: str = "5.1.1",
    said: str = "smtp; 550 5.1.1 <mei@example.org>: Recipient address rejected: User unknown",
    to: str = "",
    kind: str = "delivery-status",
) -> bytes:
    text = f"""\
Return-Path: <>
Delivered-To: bounces@example.com
To: {to or tagged(ADDRESS, tag)}
From: Mail Delivery System <MAILER-DAEMON@example.org>
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type={kind}; boundary="b1"

--b1
Content-Type: text/plain; charset=us-ascii

I'm sorry to have to inform you that your message could not be delivered.

--b1
Content-Type: message/{kind}

Reporting-MTA: dns; mx.example.org
Arrival-Date: Sat, 28 Nov 2026 12:00:00 +0000

Final-Recipient: rfc822; mei@example.org
Action: {action}
Status: {status}
Diagnostic-Code: {said}

--b1
Content-Type: message/rfc822

From: jindu@example.com
To: mei@example.org
Subject: Sales

The report.

--b1--
"""
    return text.replace("\n", "\r\n").encode("utf-8", "surrogateescape")
