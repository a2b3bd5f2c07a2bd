"""An issuer of tokens on loopback: a real HTTP server, whose answers a test may change while it runs."""

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from joserfc import jws, jwt
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey

AUDIENCE = "https://reports.example"
KEYS: dict[str, Key] = {  # made once: an RSA key takes a tenth of a second
    "rsa": RSAKey.generate_key(2048, {"kid": "rsa"}),
    "ec": ECKey.generate_key("P-256", {"kid": "ec"}),
    "okp": OKPKey.generate_key("Ed25519", {"kid": "okp"}),
    "later": ECKey.generate_key("P-256", {"kid": "later"}),
    "stranger": RSAKey.generate_key(2048, {"kid": "rsa"}),
}
SIGNED = {"rsa": "RS256", "ec": "ES256", "okp": "Ed25519", "later": "ES256", "stranger": "RS256"}


class Giver:
    """The issuer. `asked` counts what it was asked for; `pause` is how long it thinks, in seconds."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.pause = 0.0
        self.away = False
        self.published = ["rsa", "ec", "okp"]
        self.told: dict[str, Any] = {}
        giver = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                giver.asked[self.path] += 1
                time.sleep(giver.pause)
                body = json.dumps(giver.answer(self.path)).encode()
                self.send_response(503 if giver.away else 200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002  its name there

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def answer(self, path: str) -> dict[str, Any]:
        if path == "/keys":
            return {
                "keys": [KEYS[name].as_dict(private=False, use="sig") for name in self.published]
            }
        return {
            "issuer": self.url,
            "jwks_uri": f"{self.url}/keys",
            "id_token_signing_alg_values_supported": ["RS256", "ES256", "Ed25519", "HS256", "none"],
            **self.told,
        }

    def token(
        self,
        by: str = "rsa",
        algorithm: str | None = None,
        header: Mapping[str, Any] | None = None,
        **claims: Any,
    ) -> str:
        """A good token but for `claims`; None leaves one out. `header`: what else stands there."""
        now = int(time.time())
        told = {
            "iss": self.url, "aud": AUDIENCE, "sub": "ana", "exp": now + 600, "nbf": now - 5,
            "tenant": "acme", "scope": "jobs:read", "permissions": ["hr"], **claims,
        }  # fmt: skip
        named = {name: value for name, value in told.items() if value is not None}
        algorithm = algorithm or SIGNED[by]
        told_first = {"alg": algorithm, "kid": KEYS[by].kid, **(header or {})}
        registry = jws.JWSRegistry(algorithms=[algorithm])
        registry.max_header_length = 8_192
        return jwt.encode(told_first, named, KEYS[by], registry=registry)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def giver() -> Iterator[Giver]:
    made = Giver()
    yield made
    made.close()
