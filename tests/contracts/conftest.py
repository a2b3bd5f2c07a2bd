"""Fixtures of the contract suites; each port's stand in a file of their own."""

from tests.contracts.store_fixtures import place, store, template

__all__ = ["place", "store", "template"]
