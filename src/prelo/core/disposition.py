"""How a download gets its name."""

import re
from urllib.parse import quote

_UNSAFE = re.compile(r'[^\x20-\x7e]|["\\%/]')


def disposition(name: str) -> str:
    """RFC 6266: an ASCII name for old clients, and the true one (RFC 8187) for all others."""
    plain = _UNSAFE.sub("_", name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
