"""The operations of the OpenAPI document as people read them: what each takes, answers, and needs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import msgspec

from views.reference_examples import BODIES, needed_header, needed_query, place
from views.reference_requests import ExampleRequest, in_curl, in_python
from views.reference_schemas import Schema, SchemaReader, ShownField, ShownType, TypePart, paragraphs_of
from views.reference_sections import section_of

_PREFIX = "/api/v1"
_IN_ORDER = ("path", "query", "header")
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownBody:
    """What is sent with one or more content types alike. `fields` are those of an object."""

    content_types: tuple[str, ...]
    is_required: bool
    type: tuple[TypePart, ...]
    said: tuple[str, ...]
    fields: tuple[ShownField, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownAnswer:
    """`headers` with what each says."""

    status: str
    phrase: str
    content: tuple[tuple[str, tuple[TypePart, ...]], ...]
    headers: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TryField:
    """An input of the form that sends it. `choices` are all there are, `is_list` takes one a line."""

    place: str
    name: str
    is_required: bool
    value: str = ""
    choices: tuple[str, ...] = ()
    is_list: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownOperation:
    """`access` is public, read, write or admin. `body_text` is what the form begins with, `file_type` of a file."""

    id: str
    method: str
    path: str
    summary: str
    description: tuple[str, ...]
    section: str
    access: str
    is_deprecated: bool
    parameters: tuple[tuple[str, tuple[ShownField, ...]], ...]
    bodies: tuple[ShownBody, ...]
    answers: tuple[ShownAnswer, ...]
    errors: tuple[str, ...]
    curl: str
    python: str
    try_fields: tuple[TryField, ...]
    body_text: str
    file_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiReference:
    """`types` are, by section, those that its operations speak of."""

    operations: Mapping[str, tuple[ShownOperation, ...]]
    types: Mapping[str, tuple[ShownType, ...]]


@lru_cache(maxsize=4)
def reference_of(document: bytes) -> ApiReference:
    """Made once of each document: it takes some tens of milliseconds."""
    return read_reference(msgspec.json.decode(document))


def read_reference(document: Mapping[str, Any]) -> ApiReference:
    reader = SchemaReader(document["components"]["schemas"])
    sections: dict[str, list[ShownOperation]] = {}
    types: dict[str, dict[str, None]] = {}
    for path, methods in document["paths"].items():
        section = section_of(path.removeprefix(_PREFIX))
        for method, operation in methods.items():
            shown = _Operation(reader, path, method.upper(), operation).shown(section)
            sections.setdefault(section, []).append(shown)
            for schema in _schemas_of(operation):
                reader.types_in(schema, types.setdefault(section, {}))
    return ApiReference(
        operations={section: tuple(sorted(found, key=_order)) for section, found in sections.items()},
        types={section: tuple(map(reader.shown_type, sorted(names))) for section, names in types.items()},
    )


def _order(operation: ShownOperation) -> tuple[str, int]:
    return operation.path, _METHODS.index(operation.method)


def _schemas_of(operation: Mapping[str, Any]) -> Iterator[Schema]:
    """Whose types a reader may want to look up: of a body its fields, since it stands there itself."""
    yield from (parameter["schema"] for parameter in operation["parameters"])
    for content in (operation.get("requestBody", {}), *_successes(operation).values()):
        yield from (each["schema"] for each in content.get("content", {}).values() if "schema" in each)


def _successes(operation: Mapping[str, Any]) -> dict[str, Any]:
    return {status: answer for status, answer in operation["responses"].items() if status.startswith(("2", "3"))}


class _Operation:
    """One of them, while it is read."""

    def __init__(self, reader: SchemaReader, path: str, method: str, operation: Mapping[str, Any]) -> None:
        self._reader = reader
        self._path = path
        self._method = method
        self._operation = operation
        self._content: Mapping[str, Any] = operation.get("requestBody", {}).get("content", {})

    def shown(self, section: str) -> ShownOperation:
        example = self._example()
        has_text = isinstance(example.body, (dict, list))
        return ShownOperation(
            id=self._operation["operationId"],
            method=self._method,
            path=self._path,
            summary=self._operation["summary"],
            description=paragraphs_of(self._operation),
            section=section,
            access=self._access(),
            is_deprecated=self._operation.get("deprecated", False),
            parameters=tuple(self._parameters()),
            bodies=tuple(self._bodies()),
            answers=tuple(self._answers()),
            errors=tuple(status for status in self._operation["responses"] if status[0] in "45"),
            curl=in_curl(example),
            python=in_python(example),
            try_fields=tuple(self._try_fields()),
            body_text=msgspec.json.format(msgspec.json.encode(example.body)).decode() if has_text else "",
            file_type=next((kind for kind in self._content if kind != "application/json"), ""),
        )

    def _access(self) -> str:
        """The role that the document names with each way to sign in; none where it may be left out."""
        security = self._operation["security"]
        return "public" if {} in security else str(security[0]["token"][0])

    def _parameters(self) -> Iterator[tuple[str, tuple[ShownField, ...]]]:
        for place_of in _IN_ORDER:
            found = tuple(
                self._reader.field(
                    each["name"],
                    each["schema"],
                    is_required=each["required"],
                    said=each.get("description", ""),
                )
                for each in self._operation["parameters"]
                if each["in"] == place_of
            )
            if found:
                yield place_of, found

    def _bodies(self) -> Iterator[ShownBody]:
        by_schema: dict[str, tuple[list[str], Schema]] = {}
        for kind, content in self._content.items():
            by_schema.setdefault(repr(content["schema"]), ([], content["schema"]))[0].append(kind)
        for kinds, schema in by_schema.values():
            resolved = self._reader.resolved(schema)
            yield ShownBody(
                content_types=tuple(kinds),
                is_required=self._operation["requestBody"]["required"],
                type=self._reader.parts(schema),
                said=paragraphs_of(resolved),
                fields=self._reader.fields(schema),
            )

    def _answers(self) -> Iterator[ShownAnswer]:
        for status, answer in _successes(self._operation).items():
            yield ShownAnswer(
                status=status,
                phrase=answer["description"],
                content=tuple(
                    (kind, self._reader.parts(each["schema"]) if "schema" in each else ())
                    for kind, each in answer.get("content", {}).items()
                ),
                headers=tuple((name, header["description"]) for name, header in answer.get("headers", {}).items()),
            )

    def _try_fields(self) -> Iterator[TryField]:
        for each in self._operation["parameters"]:
            schema = each["schema"]
            items = self._reader.resolved(schema.get("items", schema))
            is_flag = items.get("type") == "boolean"
            yield TryField(
                place=each["in"],
                name=each["name"],
                is_required=each["required"],
                value=needed_header(each["name"]) if each["in"] == "header" and each["required"] else "",
                choices=("true", "false") if is_flag else tuple(map(str, items.get("enum", ()))),
                is_list=schema.get("type") == "array",
            )

    def _example(self) -> ExampleRequest:
        path, inside = self._path, self._path.removeprefix(_PREFIX)
        needed: dict[str, dict[str, str]] = {"query": {}, "header": {}}
        for each in self._operation["parameters"]:
            name = each["name"]
            if each["in"] == "path":
                path = path.replace(f"{{{name}}}", place(inside, name))
            elif each["required"]:
                needed[each["in"]][name] = needed_query(name) if each["in"] == "query" else needed_header(name)
        answers = [kind for answer in _successes(self._operation).values() for kind in answer.get("content", {})]
        return ExampleRequest(
            operation=self._operation["operationId"],
            method=self._method,
            path=path,
            query=needed["query"],
            headers=needed["header"],
            body=BODIES.get(self._operation["operationId"]),
            body_types=tuple(self._content),
            answer_types=tuple(answers),
            is_public=self._access() == "public",
            id=place(inside, "id"),
        )
