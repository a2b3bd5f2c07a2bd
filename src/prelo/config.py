"""Every setting, read once at start. The only reader of the environment.

A setting is an environment variable PRELO_<NAME>; the command line may override it. URLs choose the
technologies: their schemes are the keys of wiring.py.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, model_validator

from prelo.core.breaker import BreakerPolicy
from prelo.core.claims import ClaimNames
from prelo.core.errors import Misconfigured
from prelo.core.model import Model
from prelo.core.report import MB
from prelo.core.retry import RetryPolicy
from prelo.core.rules import EVERYBODY, Bytes, Number, Rules, TenantLimits, Weight

PREFIX = "PRELO_"
_CONNECTION = "PRELO_CONNECTION_"
Seconds = Annotated[float, Field(gt=0)]
Key = TypeVar("Key")


def _by_name(value: object) -> object:
    """`acme=4,beta=1` as {"acme": "4", "beta": "1"}. A name may have a '=' in it, but no comma."""
    if not isinstance(value, str):
        return value
    pairs = [pair.rpartition("=") for pair in value.split(",") if pair.strip()]
    names = [name.strip() for name, _, _ in pairs]
    if not all(names) or len(set(names)) != len(names):
        raise ValueError("write each name once and with its number, as acme=4,beta=1")
    return {name: number.strip() for name, (_, _, number) in zip(names, pairs, strict=True)}


def _address(value: str) -> str:
    if value and not re.fullmatch(r"https?://[!-~]*[^/]", value):
        raise ValueError("write https://reports.example.com, without a / at its end")
    return value


ByName = Annotated[dict[str, Key], BeforeValidator(_by_name)]


def _of_each(value: object) -> object:
    """As by name; one number alone is everybody's."""
    if isinstance(value, str) and value.strip() and "=" not in value:
        return {EVERYBODY: value.strip()}
    return _by_name(value)


OfEach = Annotated[dict[str, Key], BeforeValidator(_of_each)]


def _kinds(value: object) -> object:
    """`keys,oidc` as ("keys", "oidc"), `none` as ()."""
    if not isinstance(value, str):
        return value
    kinds = [kind.strip() for kind in value.split(",") if kind.strip()]
    if kinds == ["none"]:
        return ()
    if not kinds or not set(kinds) <= {"keys", "oidc"}:
        raise ValueError("say none, keys, oidc, or keys,oidc")
    return tuple(dict.fromkeys(kinds))


Auth = Annotated[tuple[Literal["keys", "oidc"], ...], BeforeValidator(_kinds)]


class Config(Model):
    """The settings, with their defaults.

    `data`: folder of the embedded default (database and files). `catalog`: folder of the reports.
    `connections`: data sources by name (PRELO_CONNECTION_<NAME>=url; "default" is DEFAULT). `auth`: how
    callers show who they are: by API keys, by tokens of an OIDC issuer, or not at all, on loopback only.
    `oidc_…`: the issuer's address, whom its tokens must be for, and what their claims are called. `key`:
    what the commands show to the server; it is never written anywhere. `slots`: reports one worker renders
    at once. `lease`, `beat`: seconds; a worker that is silent for a lease has lost its job. `look`: seconds
    between a free slot's looks into the store. `grace`: seconds a drain waits for running reports.
    `press_jobs`, `press_memory`: a press is replaced after so many reports, or when it has grown to so many
    bytes. `press_threads`: of a press, for columns; 0: the machine's cores, shared by the slots. `url`: the
    server that the commands ask. `max_running_…`, `max_queued_per_tenant`, `tenant_weights`, `max_losses`:
    see core.rules. `max_…_per_tenant` as `acme=4,*=1`, or one number for everybody: requests a minute; rows,
    bytes and seconds of one report, where they are less than its own limits. `audit_days`: how long the
    audit is kept. `breaker_open`: seconds for which a source that fails is not asked. `max_dataset`,
    `dataset_days`: bytes of an uploaded file, and how long it is kept after it was last uploaded.
    `max_listeners`: connections that follow jobs, of one process.
    `public_url`: where callers reach the API, for links in notices. `webhook_local`: webhooks may be on this
    machine's loopback, by http. `secret_key`: see adapters.vault_aes. `smtp`: the server that takes mails,
    from `mail_from`; files up to `mail_attach` bytes, as they are in a mail, are attached.
    `graphiql`: GET /graphql is a page to try GraphQL on, which a browser fetches from the internet.
    """

    data: Path = Path(".prelo")
    catalog: Path = Path("reports")
    store: str = ""
    files: str = ""
    broker: str = ""
    cache: str = ""
    connections: dict[str, str] = {}
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535)] = 8085
    auth: Auth = ()
    oidc_issuer: str = ""
    oidc_audience: str = ""
    oidc_tenant_claim: str = ClaimNames().tenant
    oidc_subject_claim: str = ClaimNames().subject
    oidc_scopes_claim: str = ClaimNames().scopes
    oidc_permissions_claim: str = ClaimNames().permissions
    key: Annotated[str | None, Field(repr=False, exclude=True)] = None
    slots: Annotated[int, Field(ge=1, le=256)] = max(1, min(8, os.cpu_count() or 1))
    lease: Seconds = 30
    beat: Seconds = 10
    look: Seconds = 2
    grace: Seconds = 30
    attempts: Annotated[int, Field(ge=1)] = 6
    retry_base: Annotated[float, Field(ge=0)] = 2
    max_queued: Annotated[int, Field(ge=1)] = 100_000
    max_queued_per_tenant: Number | None = None
    max_running_per_tenant: Number | None = None
    max_running_per_source: ByName[Number] = {}
    tenant_weights: ByName[Weight] = {}
    max_requests_per_tenant: OfEach[Number] = {}
    max_rows_per_tenant: OfEach[Number] = {}
    max_bytes_per_tenant: OfEach[Bytes] = {}
    max_seconds_per_tenant: OfEach[Number] = {}
    audit_days: Seconds = 400
    max_losses: Number = 5
    breaker_open: Seconds = 15
    max_dataset: Annotated[int, Field(ge=1024)] = 256 * MB
    dataset_days: Annotated[float, Field(gt=0, le=36_500)] = 7
    max_body: Annotated[int, Field(ge=1024)] = MB
    max_listeners: Annotated[int, Field(ge=1, le=100_000)] = 5_000
    press_jobs: Annotated[int, Field(ge=1)] = 5_000
    press_memory: Annotated[int, Field(ge=64 * MB)] = 768 * MB
    press_threads: Annotated[int, Field(ge=0, le=256)] = 0
    public_url: Annotated[str, AfterValidator(_address)] = ""
    webhook_local: bool = False
    secret_key: Annotated[str, Field(repr=False)] = ""
    smtp: Annotated[str, Field(repr=False)] = ""
    mail_from: str = ""
    mail_attach: Annotated[int, Field(ge=0, le=64 * MB)] = 8_000_000
    graphiql: bool = False
    log: Literal["text", "json"] = "json"
    url: str = "http://127.0.0.1:8085"

    @model_validator(mode="before")
    @classmethod
    def _embedded_default(cls, values: Any) -> Any:
        """The store and the files live in `data` unless their URLs say otherwise; doorbells and news are
        passed on by the store where it can do that.
        """
        values = dict(values)
        data = Path(values.get("data") or ".prelo").absolute()
        values["data"] = str(data)
        values["catalog"] = str(Path(values.get("catalog") or "reports").absolute())
        values["store"] = values.get("store") or f"sqlite:///{data}/prelo.db"
        passes = values["store"].startswith("postgresql:")
        values["broker"] = values.get("broker") or (values["store"] if passes else "memory://")
        values["cache"] = values.get("cache") or (values["store"] if passes else "memory://")
        values["files"] = values.get("files") or f"file://{data}/files"
        return values

    @model_validator(mode="after")
    def _lease_outlasts_beats(self) -> Self:
        if self.lease < 2 * self.beat:
            raise ValueError(
                f"a lease of {self.lease:g} s is too short for a beat every {self.beat:g} s; "
                "make it at least twice as long"
            )
        return self

    @model_validator(mode="after")
    def _tokens_are_of_somebody_for_somebody(self) -> Self:
        if "oidc" in self.auth and not (self.oidc_issuer and self.oidc_audience):
            raise ValueError(
                "PRELO_AUTH has oidc: say by PRELO_OIDC_ISSUER who gives the tokens, and by "
                "PRELO_OIDC_AUDIENCE for whom they must be"
            )
        return self

    @model_validator(mode="after")
    def _mails_come_from_somebody(self) -> Self:
        if self.smtp and not self.mail_from:
            raise ValueError(
                "with PRELO_SMTP, PRELO_MAIL_FROM says who writes: Reports <reports@example.com>"
            )
        if self.smtp and not self.public_url:
            raise ValueError(
                "with PRELO_SMTP, PRELO_PUBLIC_URL says where callers find their files: "
                "https://reports.example.com"
            )
        return self

    @property
    def claims(self) -> ClaimNames:
        return ClaimNames(
            tenant=self.oidc_tenant_claim,
            subject=self.oidc_subject_claim,
            scopes=self.oidc_scopes_claim,
            permissions=self.oidc_permissions_claim,
        )

    @property
    def tenant_limits(self) -> TenantLimits:
        return TenantLimits(
            rows=self.max_rows_per_tenant,
            seconds=self.max_seconds_per_tenant,
            file_size=self.max_bytes_per_tenant,
        )

    @property
    def retry(self) -> RetryPolicy:
        return RetryPolicy(attempts=self.attempts, base_ms=int(1000 * self.retry_base))

    @property
    def breaker(self) -> BreakerPolicy:
        open_ms = int(1000 * self.breaker_open)
        return BreakerPolicy(open_ms=open_ms, max_open_ms=8 * open_ms)

    @property
    def rules(self) -> Rules:
        return Rules(
            weights=self.tenant_weights,
            running_per_tenant=self.max_running_per_tenant,
            running_per_source=self.max_running_per_source,
            queued_per_tenant=self.max_queued_per_tenant,
            losses=self.max_losses,
        )

    @classmethod
    def load(cls, environment: Mapping[str, str] | None = None, **overrides: Any) -> "Config":
        """Read the environment (os.environ if none is given), under `overrides` that are not None.

        Raises Misconfigured with one sentence per wrong setting.
        """
        environment = os.environ if environment is None else environment
        values: dict[str, Any] = {}
        connections: dict[str, str] = {}
        for name, value in environment.items():
            if name.startswith(_CONNECTION):
                connections[name.removeprefix(_CONNECTION).lower()] = value
            elif name.startswith(PREFIX):
                values[name.removeprefix(PREFIX).lower()] = value
        if connections:
            values["connections"] = connections
        values |= {name: value for name, value in overrides.items() if value is not None}
        try:
            return cls(**values)
        except ValidationError as error:
            raise Misconfigured(_said(error)) from error


def _said(error: ValidationError) -> str:
    lines: list[str] = []
    for e in error.errors(include_input=False, include_url=False):
        place = ".".join(map(str, e["loc"]))
        if e["type"] == "extra_forbidden":
            lines.append(f"{PREFIX}{place.upper()} is no setting of Prelo; see docs/operate.md")
        elif place:
            lines.append(f"{PREFIX}{place.upper()}: {e['msg'].removeprefix('Value error, ')}")
        else:
            lines.append(e["msg"].removeprefix("Value error, "))
    return "; ".join(lines)
