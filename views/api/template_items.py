"""Templates as the API tells of them, and what is wrong with one."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import quote

import msgspec

from server.auth.permissions import Principal
from server.http.based_requests import outside
from server.operations.template_starts import StartedTemplate
from server.operations.templates import TemplateItem
from server.reports.summary import ParameterSummary
from server.reports.template_issues import TemplateIssue
from server.storage.pages import Listing
from views.api.batches import first_page_url
from views.api.owners import of_owner, owner_for


class TemplateInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What a template says about itself; `id` is for the event `template:<id>`; `owner` is a user's name. `datasets`
    are those its queries read.

    The link `first_page` is a small picture of its newest report, if one has pages.
    """

    id: str
    name: str
    owner: str
    title: str
    description: str
    version: int
    formats: list[str]
    parameters: list[ParameterSummary]
    datasets: list[str]
    updated_at: datetime
    links: dict[str, str]


class TemplateList(Listing[TemplateInfo], frozen=True, kw_only=True):
    pass


class Issue(msgspec.Struct, frozen=True, kw_only=True):
    """Something at a line and column (both from 1) of the source."""

    line: int
    column: int
    message: str


class SavedTemplate(msgspec.Struct, frozen=True, kw_only=True):
    """The stored version, and what its author should look at although it works."""

    name: str
    title: str
    version: int
    warnings: list[Issue]
    links: dict[str, str]


class TemplateStart(msgspec.Struct, frozen=True, kw_only=True):
    """A source without errors that nobody has stored yet: PUT it. `name` is free: with a number where it was taken.

    `each`: columns of a dataset of which there can be one report for each value."""

    name: str
    source: str
    each: list[str] = []
    links: dict[str, str]


def issue_of(issue: TemplateIssue) -> Issue:
    return Issue(line=issue.line, column=issue.column, message=issue.text)


def template_info(reader: Principal, item: TemplateItem, pictured: str | None) -> TemplateInfo:
    """`pictured` is the batch that has the first page of its newest report."""
    owner = owner_for(reader, item.stored.owner_id, item.stored.owner)
    links = template_links(item.stored.name, owner) | ({"first_page": first_page_url(pictured)} if pictured else {})
    return TemplateInfo(
        id=item.stored.id,
        name=item.stored.name,
        owner=item.stored.owner,
        title=item.summary.title or item.stored.title,
        description=item.summary.description,
        version=item.stored.version,
        formats=item.summary.formats,
        parameters=item.summary.parameters,
        datasets=item.summary.datasets,
        updated_at=item.stored.updated_at,
        links=links,
    )


def start_of(started: StartedTemplate) -> TemplateStart:
    return TemplateStart(
        name=started.name, source=started.source, each=list(started.each), links=template_links(started.name)
    )


def template_links(name: str, owner: str | None = None) -> dict[str, str]:
    """`owner` is named where it is not the reader's."""
    base = outside(f"/api/v1/templates/{quote(name)}")
    links = {
        "self": base,
        "preview": f"{base}/preview",
        "versions": f"{base}/versions",
        "access": f"{base}/access",
    }
    page = outside(f"/templates/{quote(f'{owner}:{name}' if owner else name, safe=':')}")
    return {name: of_owner(link, owner) for name, link in links.items()} | {"page": page}
