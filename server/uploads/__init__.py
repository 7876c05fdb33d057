"""Resumable uploads: bytes that arrive in pieces and are never lost once acknowledged."""
