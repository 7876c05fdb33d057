"""Kinds of blocks: each module says how its kind is read from a template, made from rows, and drawn."""
