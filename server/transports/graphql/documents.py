"""Documents before they are executed: how large one may be, parsed and checked where no request waits for it."""

from __future__ import annotations

import asyncio
import hashlib
import math
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from graphql import (
    DocumentNode,
    FieldNode,
    FloatValueNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLType,
    InlineFragmentNode,
    IntValueNode,
    Node,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    StringValueNode,
    VariableNode,
    Visitor,
    parse,
    type_from_ast,
    validate,
    visit,
)

from server.errors import InvalidInput, MalformedRequest, TooLarge
from server.http.storable import why_not_storable

MOST_CHARACTERS = 20_000
MOST_TOKENS = 1_000
MOST_LEVELS = 15  # what tools ask to learn the schema has as many
MOST_FIELDS = 500
MOST_ALIASES = 20
MOST_ALIASES_OF_SCHEMA = 3  # each may be most of what there is, and take 30 ms
MOST_FRAGMENTS = 20
MOST_SPREADS = 60  # of fragments, in one document
MOST_PAIRS = 200  # of fields that become one in the answer: each is compared with each, 9 µs a pair
MOST_LISTED = 100  # in a list of a variable
MOST_DIGITS = 19
MOST_DIRECTIVES = 20
MOST_COST = 2_000  # values in the answer, about: they are put together in one piece, a few milliseconds a thousand
_MOST_TOLD = 10**9  # values that are asked for: nobody reads a number of three hundred digits
_ASKING_COST = 10  # of a field that an operation is asked for
_MOST_LOOKS = 2_000
_MOST_ERRORS = 5  # that a document is told at once
_KEPT = 200
_KEPT_CHARACTERS = 4_000
_OF_SCHEMA = ("__schema", "__type")
_ROOTS = (*_OF_SCHEMA, "__typename")
Definition = TypeVar("Definition", bound=Node)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedDocument:
    """One that can be executed against the schema. `errors` are why it cannot."""

    digest: bytes
    document: DocumentNode
    names_schema: bool = False
    errors: tuple[GraphQLError, ...] = ()

    def operation(self, name: str | None) -> OperationDefinitionNode:
        """Raises `InvalidInput` unless it is clear which one is meant."""
        found = list(_of_type(self.document, OperationDefinitionNode))
        if name is not None:
            found = [each for each in found if each.name and each.name.value == name]
        if not found:
            raise InvalidInput("There is no operation of this name in the query.")
        if len(found) > 1:
            raise InvalidInput("The query holds several operations; say which one with operationName.")
        return found[0]


class Documents:
    """Parses and checks in a thread, so that nobody waits; what comes often is kept."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self._schema = schema
        self._pages = dict(_pages_of(schema))
        self._kept: OrderedDict[bytes, CheckedDocument] = OrderedDict()

    async def checked(self, query: str) -> CheckedDocument:
        """Raises `MalformedRequest`, or `TooLarge` for what would take too long even to look at."""
        if len(query) > MOST_CHARACTERS:
            raise TooLarge("The query is longer than {limit} characters; ask for less at once.", limit=MOST_CHARACTERS)
        key = hashlib.blake2b(query.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        found = self._kept.get(key)
        if found is not None:
            self._kept.move_to_end(key)
            return found
        found = await asyncio.to_thread(self._check, query, key)
        if len(query) <= _KEPT_CHARACTERS:
            self._kept[key] = found
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return found

    def require_small(
        self, checked: CheckedDocument, operation: OperationDefinitionNode, variables: Mapping[str, Any]
    ) -> None:
        """Raises `TooLarge` for an operation that asks for too much, or is given too much."""
        for each in operation.variable_definitions or ():
            kind = type_from_ast(self._schema, each.type)
            _require_short(kind, variables.get(each.variable.name.value), each.variable.name.value)
        measuring = _Measuring(checked.document, operation, variables, self._pages)
        size = measuring.of(operation.selection_set)
        if checked.names_schema:
            if operation.operation is OperationType.QUERY and asks_for_schema(operation):
                return  # answered in a thread, and of a size that is known
            raise InvalidInput("Ask for the schema in a query of its own.")
        if size.cost > MOST_COST:
            raise TooLarge(
                "The query asks for about {cost} values (limit {limit}); ask for fewer with “first”, or for fewer "
                "fields.",
                cost=min(size.cost, _MOST_TOLD),
                limit=MOST_COST,
            )

    def _check(self, query: str, digest: bytes) -> CheckedDocument:
        document = _parsed(query)
        names_schema = _require_simple(document)
        errors = tuple(validate(self._schema, document, max_errors=_MOST_ERRORS))
        return CheckedDocument(digest=digest, document=document, names_schema=names_schema, errors=errors)


def _require_short(kind: GraphQLType | None, given: Any, name: str) -> None:
    """Lists are read before anything else is, in one piece. What is JSON to the schema is nothing to it."""
    while isinstance(kind, GraphQLNonNull):
        kind = kind.of_type
    if isinstance(kind, GraphQLList) and isinstance(given, list):
        if len(given) > MOST_LISTED:
            raise TooLarge("The list {name} is longer than {limit}.", name=name, limit=MOST_LISTED)
        for each in given:
            _require_short(kind.of_type, each, name)
    elif isinstance(kind, GraphQLInputObjectType) and isinstance(given, dict):
        for inner, each in kind.fields.items():
            _require_short(each.type, given.get(inner), inner)


def asks_for_schema(operation: OperationDefinitionNode) -> bool:
    """Whether it asks for nothing else."""
    selections = operation.selection_set.selections
    return all(isinstance(each, FieldNode) and each.name.value in _ROOTS for each in selections)


def _parsed(query: str) -> DocumentNode:
    try:
        return parse(query, max_tokens=MOST_TOKENS)
    except GraphQLError as error:
        if "tokens" in error.message:
            raise _too_much("tokens", MOST_TOKENS) from None
        where = error.locations[0] if error.locations else None
        raise MalformedRequest(
            "The query cannot be read at line {line}, column {column}: {reason}",
            line=where.line if where else 1,
            column=where.column if where else 1,
            reason=error.message.removeprefix("Syntax Error: "),
        ) from None
    except RecursionError:
        raise _too_much("levels", MOST_LEVELS) from None


def _too_much(what: str, limit: int) -> TooLarge:
    return TooLarge(
        "The query has too many {what} (limit {limit}); ask for less at once, in several queries.",
        what=what,
        limit=limit,
    )


def _require_simple(document: DocumentNode) -> bool:
    """What can be seen without the schema: checking against it takes the square of some of these. Raises `TooLarge`.

    Whether it asks for the schema.
    """
    counting = _Counting()
    try:
        visit(document, counting)
        largest = _Measuring.largest(document)
    except RecursionError:
        raise _too_much("levels", MOST_LEVELS) from None
    for what, limit in (
        ("aliases", MOST_ALIASES_OF_SCHEMA if counting.found["schemas"] else MOST_ALIASES),
        ("schemas", MOST_ALIASES_OF_SCHEMA),
        ("fragments", MOST_FRAGMENTS),
        ("spreads", MOST_SPREADS),
        ("directives", MOST_DIRECTIVES),
    ):
        if counting.found[what] > limit:
            raise _too_much(what, limit)
    if largest.levels > MOST_LEVELS:
        raise _too_much("levels", MOST_LEVELS)
    if largest.fields > MOST_FIELDS:
        raise _too_much("fields", MOST_FIELDS)
    if _Merging(document).pairs > MOST_PAIRS:  # only now, as it looks at what fragments hold wherever they stand
        raise _too_much("pairs of fields of one name", MOST_PAIRS)
    return counting.found["schemas"] > 0


class _Counting(Visitor):
    """Counts what there is of each kind, and looks into texts."""

    def __init__(self) -> None:
        super().__init__()
        self.found: Counter[str] = Counter()

    def enter_field(self, node: FieldNode, *_: Any) -> None:
        self.found["aliases"] += node.alias is not None
        self.found["schemas"] += node.name.value in _OF_SCHEMA

    def enter_fragment_definition(self, *_: Any) -> None:
        self.found["fragments"] += 1

    def enter_inline_fragment(self, *_: Any) -> None:
        self.found["spreads"] += 1

    def enter_fragment_spread(self, *_: Any) -> None:
        self.found["spreads"] += 1

    def enter_directive(self, *_: Any) -> None:
        self.found["directives"] += 1

    def enter_int_value(self, node: IntValueNode, *_: Any) -> None:
        if len(node.value.lstrip("-")) > MOST_DIGITS:
            raise InvalidInput("A number has more than {limit} digits; write it as a text.", limit=MOST_DIGITS)

    def enter_float_value(self, node: FloatValueNode, *_: Any) -> None:
        if not math.isfinite(float(node.value)):
            raise InvalidInput("The number {number} is too large.", number=node.value[:MOST_DIGITS])

    def enter_string_value(self, node: StringValueNode, *_: Any) -> None:
        if why := why_not_storable(node.value):
            raise InvalidInput(why)


class _Merging:
    """Counts pairs of fields of one name that stand side by side, whatever fragments they come through."""

    def __init__(self, document: DocumentNode) -> None:
        self._fragments = _fragments_of(document)
        self.pairs = 0
        self._looks = 0
        for each in _of_type(document, OperationDefinitionNode):
            self._merge([each.selection_set])

    def _merge(self, sets: Iterable[SelectionSetNode]) -> None:
        together: dict[str, list[FieldNode]] = defaultdict(list)
        for each in sets:
            for found in self._fields(each):
                together[(found.alias or found.name).value].append(found)
        for same in together.values():
            self.pairs += len(same) * (len(same) - 1) // 2
            self._merge([each.selection_set for each in same if each.selection_set])

    def _fields(self, selection_set: SelectionSetNode) -> Iterator[FieldNode]:
        self._looks += 1
        if self._looks > _MOST_LOOKS:  # at fragments of nothing but fragments, each of which stands in another twice
            raise _too_much("spreads", MOST_SPREADS)
        for each in selection_set.selections:
            if isinstance(each, FieldNode):
                yield each
            elif isinstance(each, InlineFragmentNode):
                yield from self._fields(each.selection_set)
            elif isinstance(each, FragmentSpreadNode) and each.name.value in self._fragments:
                yield from self._fields(self._fragments[each.name.value].selection_set)


@dataclass(slots=True)
class _Size:
    fields: int = 0
    cost: int = 0
    levels: int = 0


@dataclass(slots=True)
class _Measuring:
    """Adds up what an operation asks for. A fragment is measured once, and counts wherever it stands."""

    document: DocumentNode
    operation: OperationDefinitionNode | None
    variables: Mapping[str, Any]
    pages: Mapping[str, int]
    _fragments: dict[str, FragmentDefinitionNode] = field(default_factory=dict)
    _measured: dict[str, _Size | None] = field(default_factory=dict)  # None while it is being measured

    def __post_init__(self) -> None:
        self._fragments = _fragments_of(self.document)

    @classmethod
    def largest(cls, document: DocumentNode) -> _Size:
        """All operations and fragments together, which are checked together."""
        measuring = cls(document, None, {}, {})
        found = [*_of_type(document, OperationDefinitionNode), *_of_type(document, FragmentDefinitionNode)]
        sizes = [measuring.of(each.selection_set) for each in found]
        return _Size(fields=sum(each.fields for each in sizes), levels=max((each.levels for each in sizes), default=0))

    def of(self, selection_set: SelectionSetNode | None) -> _Size:
        """Raises `InvalidInput` for fragments that hold themselves."""
        size = _Size()
        for each in selection_set.selections if selection_set else ():
            found = self._of_selection(each)
            size.fields += found.fields
            size.cost += found.cost
            size.levels = max(size.levels, found.levels)
        return size

    def _of_selection(self, node: Node) -> _Size:
        if isinstance(node, FieldNode):
            inner = self.of(node.selection_set)
            asked = _ASKING_COST if node.name.value in self.pages else 1
            cost = asked + self._repeated(node) * inner.cost
            return _Size(inner.fields + 1, cost, inner.levels + 1)
        if isinstance(node, InlineFragmentNode):
            return self.of(node.selection_set)
        assert isinstance(node, FragmentSpreadNode)
        return self._of_fragment(node.name.value)

    def _of_fragment(self, name: str) -> _Size:
        if name in self._measured:
            measured = self._measured[name]
            if measured is None:
                raise InvalidInput("The fragment “{name}” holds itself.", name=name)
            return measured
        self._measured[name] = None
        fragment = self._fragments.get(name)
        self._measured[name] = size = self.of(fragment.selection_set) if fragment else _Size()
        return size

    def _repeated(self, node: FieldNode) -> int:
        """How often what stands below a field may come."""
        default = self.pages.get(node.name.value)
        if default is None or self.operation is None or self.operation.operation is OperationType.SUBSCRIPTION:
            return 1
        for argument in node.arguments or ():
            if argument.name.value == "first":
                given = self._value(argument.value)
                return (
                    int(given) if isinstance(given, int | float) and given > 0 else default
                )  # 100.0 is 100 to GraphQL
        return default

    def _value(self, node: Node) -> Any:
        if isinstance(node, IntValueNode):
            return int(node.value) if len(node.value) < 10 else None
        if not isinstance(node, VariableNode) or self.operation is None:
            return None
        name = node.name.value
        if name in self.variables:
            return self.variables[name]
        for each in self.operation.variable_definitions or ():
            if each.variable.name.value == name and each.default_value is not None:
                return self._value(each.default_value)
        return None


def _fragments_of(document: DocumentNode) -> dict[str, FragmentDefinitionNode]:
    return {each.name.value: each for each in _of_type(document, FragmentDefinitionNode)}


def _of_type(document: DocumentNode, kind: type[Definition]) -> Iterator[Definition]:
    return (each for each in document.definitions if isinstance(each, kind))


def _pages_of(schema: GraphQLSchema) -> Iterator[tuple[str, int]]:
    """Fields that give as many as `first` says, and how many without it."""
    for kind in schema.type_map.values():
        if isinstance(kind, GraphQLObjectType):
            for name, each in kind.fields.items():
                if "first" in each.args:
                    yield name, each.args["first"].default_value
