"""Every page's URL, its name and its handler."""

from __future__ import annotations

from aiohttp import web

from views import admin, home, jobs, language, notifications

PAGES: list[web.RouteDef] = [
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
