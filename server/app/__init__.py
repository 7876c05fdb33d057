"""The wiring: the only place that constructs objects, one module a part of the house."""
