"""What takes longest begins first: else, of the cores that share the tests, all but one end up waiting."""

import pytest

_LONGEST_FIRST = ("faults", "e2e", "contracts", "app")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    ranks = {name: rank for rank, name in enumerate(_LONGEST_FIRST)}
    items.sort(key=lambda item: ranks.get(item.path.parent.name, len(ranks)))
