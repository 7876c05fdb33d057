"""Every page's URL, its name and its handler."""

from __future__ import annotations

from aiohttp import web

from views import account, admin, health, home, jobs, language, login, notifications, setup

PAGES: list[web.RouteDef] = [
    web.get("/healthz", health.healthz),
    web.get("/readyz", health.readyz),
    web.get("/login", login.login_page, name="login"),
    web.post("/login", login.login),
    web.post("/logout", login.logout, name="logout"),
    web.get("/setup", setup.setup_page, name="setup"),
    web.post("/setup", setup.setup),
    web.get("/account", account.account_page, name="account"),
    web.post("/account", account.save_settings),
    web.post("/account/password", account.change_password),
    web.post("/account/sessions/end-others", account.end_other_sessions),
    web.post("/account/sessions/{session_id}/end", account.end_session),
    web.post("/account/tokens", account.create_token),
    web.post("/account/tokens/{token_id}/delete", account.delete_token),
    web.get("/", home.home_page, name="home"),
    web.get("/home/overview", home.home_overview),
    web.get("/jobs", jobs.jobs_page, name="jobs"),
    web.get("/jobs/rows", jobs.jobs_rows),
    web.get("/jobs/{id}", jobs.job_page, name="job"),
    web.get("/jobs/{id}/detail", jobs.job_detail),
    web.post("/jobs/{id}/cancel", jobs.cancel_job),
    web.post("/jobs/{id}/retry", jobs.retry_job),
    web.get("/notifications", notifications.notifications_panel),
    web.post("/notifications/read", notifications.mark_notifications_read),
    web.post("/language", language.set_language, name="set_language"),
    web.get("/admin", admin.admin_page, name="admin"),
    web.get("/admin/overview", admin.admin_overview),
    web.get("/admin/{section}", admin.admin_page),
    web.post("/admin/users", admin.add_user),
    web.post("/admin/users/{id}", admin.change_user),
]
