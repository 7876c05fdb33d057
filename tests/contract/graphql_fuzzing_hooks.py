"""What schemathesis has to be told of GraphQL: what JSON is, and that what is refused in our words is no failure."""

from __future__ import annotations

from typing import Any

import schemathesis
from hypothesis import strategies as st
from schemathesis import Case, CheckContext, Response

schemathesis.graphql.scalar("JSON", st.just(schemathesis.graphql.nodes.Object(fields=[])))


@schemathesis.check
def answered_in_words_of_ours(_context: CheckContext, response: Response, _case: Case[Any]) -> None:
    """In place of `not_a_server_error`, which takes each error for one of the server's."""
    assert response.status_code == 200, "an operation that fails is an answer, too"
    told = response.json()
    errors = told.get("errors", [])
    codes = {error["extensions"]["code"] for error in errors}
    assert "internal_error" not in codes
    assert all(error["message"] for error in errors)
    assert errors or all(value is not None for value in told["data"].values()), "null says why"
