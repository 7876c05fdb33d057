"""Operations from a request to results: read, measured, executed, and told as JSON."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncGenerator, Awaitable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    OperationType,
    execute,
    execute_sync,
    subscribe,
)
from msgspec import Struct

from server.http.asyncapi import Json
from server.texts import Translate
from server.transports.graphql.call import GraphQlCall
from server.transports.graphql.documents import Documents
from server.transports.graphql.failures import told
from server.transports.graphql.schema import build_schema, core_of

_KEPT_ANSWERS = 32


class GraphQlRequest(Struct, frozen=True, kw_only=True, rename="camel"):
    """What is asked, as every transport of GraphQL has it. Other fields of it are not read."""

    query: str
    operation_name: str | None = None
    variables: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedOperation:
    digest: bytes
    document: DocumentNode
    kind: OperationType
    name: str | None
    variables: dict[str, Any]
    is_of_schema: bool
    errors: tuple[GraphQLError, ...]


class Execution:
    """One for all who ask."""

    def __init__(self) -> None:
        schema = build_schema()
        self.sdl = f"{schema.as_str()}\n"
        self._schema = core_of(schema)
        self._documents = Documents(self._schema)
        self._of_schema: OrderedDict[tuple[bytes, str | None], Json] = OrderedDict()

    async def prepared(self, asked: GraphQlRequest) -> PreparedOperation:
        """Raises `InvalidInput` (`MalformedRequest`, `TooLarge`) for what cannot be executed."""
        checked = await self._documents.checked(asked.query)
        operation = checked.operation(asked.operation_name or None)  # some programs say none by an empty one
        given = asked.variables or {}
        declared = [each.variable.name.value for each in operation.variable_definitions or ()]
        variables = {name: given[name] for name in declared if name in given}
        if not checked.errors:
            self._documents.require_small(checked, operation, variables)
        return PreparedOperation(
            digest=checked.digest,
            document=checked.document,
            kind=operation.operation,
            name=asked.operation_name or None,
            variables=variables,
            is_of_schema=checked.names_schema,
            errors=checked.errors,
        )

    async def result(self, prepared: PreparedOperation, call: GraphQlCall, translate: Translate) -> Json:
        """Of a query or mutation."""
        if prepared.errors:
            return {"errors": [told(each, translate) for each in prepared.errors]}
        if prepared.is_of_schema:
            return await self._of_the_schema(prepared, translate)
        executed = execute(
            self._schema,
            prepared.document,
            context_value=call,
            variable_values=prepared.variables,
            operation_name=prepared.name,
        )
        return as_json(executed if isinstance(executed, ExecutionResult) else await executed, translate)

    async def results(
        self, prepared: PreparedOperation, call: GraphQlCall, translate: Translate
    ) -> AsyncGenerator[Json, None]:
        """Of a subscription, one after the other; raises `JinduError` and `LiveEnded` at its end."""
        if prepared.errors:
            yield {"errors": [told(each, translate) for each in prepared.errors]}
            return
        stream = subscribe(
            self._schema,
            prepared.document,
            context_value=call,
            variable_values=prepared.variables,
            operation_name=prepared.name,
        )
        if isinstance(stream, Awaitable):
            stream = await stream
        if isinstance(stream, ExecutionResult):
            yield as_json(stream, translate)
            return
        assert isinstance(stream, AsyncGenerator)
        async with aclosing(stream):  # whoever goes leaves nothing open
            async for each in stream:
                yield as_json(each, translate)

    async def _of_the_schema(self, prepared: PreparedOperation, translate: Translate) -> Json:
        """It is the same for everybody, and 20 ms of work: done in a thread, and kept."""
        key = prepared.digest, prepared.name
        found = self._of_schema.get(key) if not prepared.variables else None
        if found is None:
            executed = await asyncio.to_thread(
                execute_sync,
                self._schema,
                prepared.document,
                variable_values=prepared.variables,
                operation_name=prepared.name,
            )
            found = as_json(executed, translate)
            if not prepared.variables:
                self._of_schema[key] = found
                if len(self._of_schema) > _KEPT_ANSWERS:
                    self._of_schema.popitem(last=False)
        return found


def as_json(executed: ExecutionResult, translate: Translate) -> Json:
    """Without `data` where nothing was executed, as for variables that are wrong."""
    errors = [told(each, translate) for each in executed.errors or ()]
    if errors and executed.data is None and not any(each.path for each in executed.errors or ()):
        return {"errors": errors}
    return {"data": executed.data, "errors": errors} if errors else {"data": executed.data}
