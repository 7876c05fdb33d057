"""GraphQL at `/graphql`: what operations offer as a schema, and the live messages as its subscriptions.

A door that can be taken out: without the setting `graphql` nothing of it is imported, and nothing else names it but the
one place in `server/app/transports.py`.
"""
