"""What docs/webhooks.md tells receivers to do: its code, run on what is really sent."""

import json
import re
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import WebhookVerificationError

from prelo.core.notice import event_of, told
from prelo.core.signing import secret_of, signed
from tests.unit.test_notice import job

MANUAL = (Path(__file__).parents[2] / "docs/webhooks.md").read_text(encoding="utf-8")
NEW, OLD = secret_of(b"n" * 32), secret_of(b"o" * 32)
NOTICE = told(job(), "webhook", "wh_1", "h", 1)
BODY = event_of(NOTICE, "https://reports.example.com")


def code(language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", MANUAL, re.DOTALL)
    return found


def headers(ago: int = 0) -> dict[str, str]:
    return signed(NOTICE.id, int(time.time()) - ago, BODY, [NEW, OLD])


def test_the_code_for_python_verifies_what_is_sent():
    space: dict[str, Any] = {}
    exec(code("python"), space)  # noqa: S102  our own manual
    for secret in (NEW, OLD):
        assert space["verified"](secret, headers(), BODY)["id"] == NOTICE.id
    for wrong in ((secret_of(b"x" * 32), headers()), (NEW, headers(ago=400))):
        with pytest.raises(WebhookVerificationError):
            space["verified"](*wrong, BODY)


@pytest.mark.skipif(shutil.which("node") is None, reason="there is no node here")
def test_the_code_for_javascript_verifies_what_is_sent():
    changed = BODY.replace(b"succeeded", b"cancelled")
    cases = [
        (NEW, headers(), BODY), (OLD, headers(), BODY), (secret_of(b"x" * 32), headers(), BODY),
        (NEW, headers(ago=400), BODY), (NEW, headers(), changed),
        (NEW, headers() | {"webhook-id": "x"}, BODY),
    ]  # fmt: skip
    told_of = json.dumps([[secret, given, body.decode()] for secret, given, body in cases])
    script = f"""{code("javascript")}
    for (const [secret, headers, body] of {told_of}) {{
      try {{ console.log(verified(secret, headers, Buffer.from(body)).id); }}
      catch (error) {{ console.log(error.message); }}
    }}"""
    said = subprocess.run(["node", "-e", script], capture_output=True, text=True, check=True)
    assert said.stdout.splitlines() == [
        NOTICE.id, NOTICE.id, "not signed by us", "too old or too new", "not signed by us",
        "not signed by us",
    ]  # fmt: skip


def test_the_manual_has_code_for_five_languages():
    assert all(code(language) for language in ("python", "javascript", "go", "ruby", "php"))
