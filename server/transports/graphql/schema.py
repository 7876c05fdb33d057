"""The schema as a whole, and its text."""

from __future__ import annotations

import strawberry
from graphql import GraphQLSchema
from strawberry.schema.config import StrawberryConfig

from server.transports.graphql.mutations import MutationRoot
from server.transports.graphql.queries import QueryRoot
from server.transports.graphql.subscriptions import SubscriptionRoot


def build_schema() -> strawberry.Schema:
    return strawberry.Schema(
        query=QueryRoot,
        mutation=MutationRoot,
        subscription=SubscriptionRoot,
        config=StrawberryConfig(auto_camel_case=True),
    )


def core_of(schema: strawberry.Schema) -> GraphQLSchema:
    """What graphql-core executes. Strawberry's own `execute` would parse and check each document once more."""
    return schema._schema  # there is no other way to it
