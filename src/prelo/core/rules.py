"""What keeps one tenant, source or report from taking everything: weights, caps, quarantine."""

from collections.abc import Mapping
from typing import Annotated, TypeVar

from pydantic import Field

from prelo.core.model import Model
from prelo.core.report import MB, Limits

_COST_MS = 1_000  # a job of cost 1 puts the tenant's next one this far behind everybody's
QUARANTINE_MS = (
    10 * 60_000
)  # how long losses are held against a report, and it keeps quiet after them

Number = Annotated[int, Field(ge=1)]
Count = TypeVar("Count", int, float)
EVERYBODY = "*"
Bytes = Annotated[int, Field(ge=MB)]  # as little as a report's own limit may be
Weight = Annotated[float, Field(ge=0.01, le=1_000)]


class Rules(Model):
    """For all processes of one store, which should agree about them. None, or a name that is not there: any
    number; a tenant that is not there has the weight 1.

    `weights`: a tenant of weight 4 gets four jobs for each one of another's, while both wait.
    `losses`: a version of a report that lost more within ten minutes is quarantined.
    """

    weights: dict[str, Weight] = {}
    running_per_tenant: Number | None = None
    running_per_source: dict[str, Number] = {}
    queued_per_tenant: Number | None = None
    losses: Number = 5

    @property
    def caps(self) -> bool:
        """Whether a claim has anything to count."""
        return self.running_per_tenant is not None or bool(self.running_per_source)

    def step(self, tenant: str, cost: int) -> int:
        """How far behind its tenant's last job, in ms of fair_key, a job of this cost stands."""
        return max(1, round(cost * _COST_MS / self.weights.get(tenant, 1)))


class TenantLimits(Model):
    """What one attempt of a tenant's may use, where that is less than its report's own limits; `*` is for
    tenants that are not named. For all workers of one store, which should agree about them.
    """

    rows: dict[str, Number] = {}
    seconds: dict[str, Number] = {}
    file_size: dict[str, Bytes] = {}

    def over(self, limits: Limits, tenant: str) -> Limits:
        """The limits of a report, as they are for this tenant."""
        lower: dict[str, float] = {}
        for name in ("rows", "seconds", "file_size"):
            most = of_tenant(getattr(self, name), tenant)
            if most is not None and most < getattr(limits, name):
                lower[name] = most
        return limits.model_copy(update=lower) if lower else limits


def whose(name: str, in_force: Limits, own: Limits) -> str:
    """Whose limit it is that an attempt ran into, and what to do: a report's own can be raised by who wrote
    it.
    """
    if getattr(in_force, name) < getattr(own, name):
        return "the limit of your tenant; ask for less"
    return f"the report's limit; ask for less, or raise limits.{name}"


def of_tenant(limits: Mapping[str, Count], tenant: str) -> Count | None:
    """A tenant's own, else everybody's; None where there is none."""
    return limits.get(tenant, limits.get(EVERYBODY))


class Quarantine(Model):
    """Such a version of a report is not made and not accepted before `until` (ms by the store's clock)."""

    report: str
    version: int
    losses: int
    until: int
