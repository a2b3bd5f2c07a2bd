"""A bucket of S3, or of a server that speaks its language (Ceph, MinIO, …).

`s3://bucket/prefix?endpoint=https://host:port&region=eu-central-1&timeout=20`, all but the bucket optional.
Keys come from where AWS's own tools find them: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a web identity,
the role of a container or machine.
"""

import re
import time
from collections.abc import Generator
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit
from xml.etree import ElementTree as ET

import httpx
import obstore
from obstore.store import S3Store

from prelo.core.disposition import disposition
from prelo.core.errors import Unavailable

_NUMBER = re.compile(r"0*[1-9]\d{0,3}(\.\d+)?")
_KNOWN = {"endpoint", "region", "timeout"}
_TIMEOUT = 20.0  # seconds for one request: a part of 5 MiB passes at 2 Mbit/s
_CONNECT = 5.0
_PAGE = 1000  # unfinished uploads that are listed at a time
_FORM = "write s3://bucket/prefix?endpoint=https://host:port&region=name&timeout=seconds"


class Bucket:
    """Opened by its URL. `name`: for sentences."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        given = dict(parse_qsl(parts.query, keep_blank_values=True))
        if "@" in parts.netloc:
            raise ValueError(
                "keys do not belong into an address; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
            )
        if not parts.netloc or given.keys() - _KNOWN or parts.fragment:
            raise ValueError(_FORM)
        endpoint = given.get("endpoint", "")
        self._name, self._prefix = parts.netloc, parts.path.strip("/")
        self._timeout = _seconds(given.get("timeout", ""))
        if endpoint and not endpoint.startswith(("http://", "https://")):
            raise ValueError(_FORM)
        self._region: dict[str, Any] = {"region": given["region"]} if "region" in given else {}
        self.name = f"the bucket '{self._name}'" + (f" at {endpoint}" if endpoint else "")
        address: dict[str, Any] = _at(endpoint.rstrip("/")) if endpoint else {}
        self.store: Any = S3Store(
            self._name, prefix=self._prefix or None, client_options=self._client(endpoint),
            retry_config=self._retries(), **self._region, **address,
        )  # fmt: skip

    def _client(self, endpoint: str) -> Any:
        connect = min(_CONNECT, self._timeout)
        options: dict[str, Any] = {
            "timeout": timedelta(seconds=self._timeout),
            "connect_timeout": timedelta(seconds=connect),
        }
        if endpoint.startswith("http://"):
            options["allow_http"] = True
        return options

    def _retries(self) -> Any:
        """A second for a server that stumbles; what lasts longer is for the job's own next attempt."""
        backoff = {
            "init_backoff": timedelta(milliseconds=100), "max_backoff": timedelta(seconds=2), "base": 2,
        }  # fmt: skip
        patience = timedelta(seconds=self._timeout)
        return {"max_retries": 4, "retry_timeout": patience, "backoff": backoff}

    def link(self, key: str, name: str, seconds: int) -> str:
        """A signed address of a file that downloads as `name`. May ask for credentials, so it blocks."""
        asked = {"response-content-disposition": disposition(name)}
        return self._signed("GET", self._address(key), asked, seconds)

    def abandon(self, prefix: str, age: float) -> None:
        """Abort the uploads below `prefix` that nobody finished, begun more than `age` seconds ago."""
        try:
            with httpx.Client(timeout=min(_CONNECT, self._timeout)) as client:
                for key, upload, begun in self._uploads(client, prefix):
                    if begun <= time.time() - age:
                        base = f"{self._root()}/{quote(key, safe='/')}"
                        self._abort(
                            client.delete(self._signed("DELETE", base, {"uploadId": upload}))
                        )
        except (httpx.HTTPError, ET.ParseError) as error:
            raise Unavailable(
                f"{self.name} did not answer when asked for unfinished uploads"
            ) from error

    def _abort(self, answer: httpx.Response) -> None:
        if answer.status_code != HTTPStatus.NOT_FOUND:  # else somebody was faster
            self._well(answer)

    def _uploads(self, client: httpx.Client, prefix: str) -> Generator[tuple[str, str, float]]:
        """Full key, id and time (in s since 1970) of each unfinished upload."""
        marks: dict[str, str] = {}
        below = "/".join(filter(None, (self._prefix, prefix))) + ("" if prefix else "/")
        while True:
            asked = {"uploads": "", "prefix": below.lstrip("/"), "max-uploads": str(_PAGE), **marks}
            answer = client.get(self._signed("GET", self._root(), asked))
            # The storage that holds every file of ours is not an attacker.
            tree = ET.fromstring(self._well(answer).content)  # noqa: S314
            for found in tree.iterfind("{*}Upload"):
                begun = datetime.fromisoformat(found.findtext("{*}Initiated", ""))
                key, upload = (found.findtext(f"{{*}}{tag}", "") for tag in ("Key", "UploadId"))
                if key.startswith(asked["prefix"]):  # whatever the server makes of a prefix
                    yield key, upload, begun.timestamp()
            if tree.findtext("{*}IsTruncated") != "true":
                return
            marks = {
                "key-marker": tree.findtext("{*}NextKeyMarker", ""),
                "upload-id-marker": tree.findtext("{*}NextUploadIdMarker", ""),
            }

    def _well(self, answer: httpx.Response) -> httpx.Response:
        if not answer.is_success:
            raise Unavailable(
                f"{self.name} does not let us clear away unfinished uploads ({answer.status_code})"
            )
        return answer

    def _address(self, key: str) -> str:
        """Where a file is."""
        return obstore.sign(self.store, "GET", key, timedelta(seconds=60)).partition("?")[0]

    def _root(self) -> str:
        """Where the bucket is."""
        below = "/".join(filter(None, (quote(self._prefix, safe="/"), "x")))
        return self._address("x").removesuffix(f"/{below}")

    def _signed(self, method: Any, base: str, query: dict[str, str], seconds: int = 60) -> str:
        """An address with a query, signed.

        obstore signs no query of ours, but it has all the ways to credentials. So we give it a store whose
        endpoint is all of the address, with an open fragment that takes the key it appends: fragments are
        neither signed nor sent.
        """
        whole = f"{base}?{urlencode(query, quote_via=quote)}#"
        store = S3Store(
            self._name, virtual_hosted_style_request=True, client_options=self._client(base),
            **self._region, **_at(whole),
        )  # fmt: skip
        return obstore.sign(store, method, "x", timedelta(seconds=seconds)).partition("#")[0]


def _seconds(said: str) -> float:
    if not said:
        return _TIMEOUT
    if not _NUMBER.fullmatch(said):
        raise ValueError(_FORM)
    return float(said)


def _at(endpoint: str) -> dict[str, Any]:
    """Both, or one that AWS_ENDPOINT_URL_S3 in the environment names would win."""
    return {"endpoint": endpoint, "aws_endpoint_url_s3": endpoint}
