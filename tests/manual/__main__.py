"""`make docs`: write the made parts of docs/api.md and docs/errors.md."""

import asyncio

from tests.manual.pages import DOCS, description, made


def main() -> None:
    for name, text in made(asyncio.run(description())).items():
        (DOCS / name).write_text(text, encoding="utf-8")
        print(f"docs/{name}: {len(text.splitlines())} lines")


main()
