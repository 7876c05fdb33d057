"""Implementations of the protocols that the layers below declare. Only the wiring names them."""
