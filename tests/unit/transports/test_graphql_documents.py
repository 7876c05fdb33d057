"""How large a GraphQL document may be, and that looking at one costs no more than that."""

from __future__ import annotations

import contextlib
import time
from typing import Any

import pytest
from graphql import OperationType, get_introspection_query

from server.errors import InvalidInput, JinduError, TooLarge
from server.transports.graphql.documents import MOST_COST, Documents
from server.transports.graphql.schema import build_schema, core_of

DOCUMENTS = Documents(core_of(build_schema()))
TITLES = " ".join(f"x{number}: title" for number in range(15))
EACH_WITH_EACH = "{" + " ".join(f"...F{number}" for number in range(15)) + "}"
EACH_WITH_EACH += " ".join(f"fragment F{n} on Query {{ {'jobs { total } ' * 8} }}" for n in range(15))


async def measured(query: str, **variables: Any) -> None:
    checked = await DOCUMENTS.checked(query)
    assert checked.errors == ()
    DOCUMENTS.require_small(checked, checked.operation(None), variables)


@pytest.mark.parametrize(
    ("query", "variables"),
    [
        ("{ jobs(first: 100) { items { jobId title state percent etaSeconds message } } }", {}),
        ("query($n: Int!) { jobs(first: $n) { items { jobId } } }", {"n": 100}),
        ("query($n: Int! = 50) { datasets(first: $n) { items { name } } }", {}),
        ("{ jobs { items { ...F } } } fragment F on Job { jobId title }", {}),
        ("subscription { jobs { ... on JobUpdate { job { jobId } } } }", {}),
        (get_introspection_query(), {}),
    ],
)
async def test_what_programs_ask_is_small_enough(query: str, variables: dict[str, Any]) -> None:
    await measured(query, **variables)


@pytest.mark.parametrize(
    ("query", "variables"),
    [
        (f"{{ jobs(first: 100) {{ items {{ {TITLES} jobId kind unit stage message state }} }} }}", {}),
        ("query($n: Int!) { datasets(first: $n) { items { columns(first: $n) { name } } } }", {"n": 100}),
        ("query($n: Int!) { datasets(first: $n) { items { columns(first: $n) { name } } } }", {"n": 100.0}),
        ("{ datasets(first: 100) { items { ...F } } } fragment F on Dataset { columns(first: 50) { name type } }", {}),
    ],
)
async def test_what_would_give_too_many_values_is_refused_with_what_to_do(
    query: str, variables: dict[str, Any]
) -> None:
    with pytest.raises(TooLarge, match=f"limit {MOST_COST}.*ask for fewer with “first”"):
        await measured(query, **variables)


@pytest.mark.parametrize(
    "query",
    [
        EACH_WITH_EACH,
        "{ " + "me { id } " * 300 + "}",
        "{" + "a " * 900 + "}",
        "{ me { " + "id " * 21 + "} }",
        "{" + ("...{" + "me{id} " * 9 + "}") * 24 + "}",
        "{ " + "jobs { items { ...F } } " * 20 + "} fragment F on Job { " + "a: title " * 5 + "}",
        "{ a " * 5_000,
        "query(" + " ".join(f"$v{n}: Int" for n in range(240)) + ") { me { id } }",
        "{ jobs(kind: [" + '"a", ' * 450 + "]) { total } }",
        "{ ...F0 } " + " ".join(f"fragment F{n} on Query {{ ...F{n + 1} ...F{n + 1} }}" for n in range(19)),
        "{" + "... on Query {" * 190 + "me { id }" + "}" * 190 + "}",
    ],
)
async def test_looking_at_what_is_meant_to_be_hard_is_quick(query: str) -> None:
    began = time.process_time()
    with contextlib.suppress(JinduError, AssertionError):
        await measured(query)
    assert time.process_time() - began < 0.25  # of a processor, in a thread; an ordinary one takes 3 ms


async def test_fields_of_one_name_are_counted_through_fragments_as_well() -> None:
    for query in ("{" + ("...{" + "me{id} " * 9 + "}") * 24 + "}", EACH_WITH_EACH, "{ me { " + "id " * 21 + "} }"):
        with pytest.raises(TooLarge, match="pairs of fields of one name"):
            await DOCUMENTS.checked(query)
    await measured("{" + "...F " * 10 + "} fragment F on Query { me { id name } }")


@pytest.mark.parametrize(
    ("query", "variables"),
    [
        ("query($k: [String!]) { jobs(kind: $k) { total } }", {"k": ["a"] * 101}),
        ("query($s: [JobState!]!) { jobs(state: $s) { total } }", {"s": ["FAILED"] * 101}),
        (
            "mutation($o: BatchOrder!) { orderBatch(order: $o) { batchId } }",
            {"o": {"template": "sales", "formats": ["PDF"] * 101}},
        ),
    ],
)
async def test_long_lists_of_variables_are_refused_before_they_are_read(query: str, variables: dict[str, Any]) -> None:
    with pytest.raises(TooLarge, match="is longer than 100"):
        await measured(query, **variables)


async def test_parameters_of_an_order_may_be_many() -> None:
    order = {"template": "sales", "parameters": [{"region": str(number)} for number in range(500)]}
    await measured("mutation($o: BatchOrder!) { orderBatch(order: $o) { batchId } }", o=order)


@pytest.mark.parametrize("number", ["1e400", "-1e400", "9" * 20, "-" + "9" * 5_000])
async def test_numbers_that_nothing_holds_are_refused(number: str) -> None:
    with pytest.raises(InvalidInput, match="number"):
        await DOCUMENTS.checked(
            f'mutation {{ orderBatch(order: {{template: "s", parameters: [{{region: {number}}}]}}) {{ batchId }} }}'
        )


@pytest.mark.parametrize(
    "query",
    [
        "{ __schema { " + " ".join(f"a{n}: types {{ fields {{ name }} }}" for n in range(10)) + " } }",
        "{ " + "__schema { types { name } } " * 4 + "}",
        "{ me { id } __schema { types { name } } }",
        "{ ...F } fragment F on Query { __schema { types { name } } }",
    ],
)
async def test_the_schema_is_asked_for_alone_and_once(query: str) -> None:
    """It is 20 ms of work, and most of what there is."""
    with pytest.raises(InvalidInput):
        await measured(query)


async def test_what_goes_round_in_the_schema_is_refused() -> None:
    checked = await DOCUMENTS.checked(
        "{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }"
    )
    assert [error.message for error in checked.errors] == ["Maximum introspection depth exceeded"]


async def test_it_is_said_which_operation_is_meant() -> None:
    checked = await DOCUMENTS.checked("query A { me { id } } mutation B { cancelJob(id: 1) { jobId } }")
    assert checked.operation("B").operation is OperationType.MUTATION
    for name in (None, "C"):
        with pytest.raises(InvalidInput):
            checked.operation(name)


async def test_what_comes_often_is_looked_at_once() -> None:
    first = await DOCUMENTS.checked("{ me { name } }")
    assert await DOCUMENTS.checked("{ me { name } }") is first
    for number in range(300):
        await DOCUMENTS.checked(f"{{ me {{ a{number % 7}: id }} }} #{number}")
    assert await DOCUMENTS.checked("{ me { name } }") is not first
