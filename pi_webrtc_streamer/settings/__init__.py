"""Typed settings: what each node can be told, with ranges and descriptions."""
