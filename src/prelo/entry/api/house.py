"""What the routes work with."""

from dataclasses import dataclass, field

from prelo.app.audit import Trail
from prelo.app.callers import Doorman
from prelo.app.live import Live
from prelo.app.outlook import Estimates
from prelo.app.rates import Rates
from prelo.config import Config
from prelo.core.job import Job
from prelo.core.records import Act, Doing
from prelo.core.request import Caller
from prelo.ports import Ports
from prelo.wiring import sources


@dataclass(frozen=True, slots=True)
class House:
    """`draining` holds something as soon as the process takes no more work."""

    ports: Ports
    config: Config
    roles: tuple[str, ...]
    doorman: Doorman
    rates: Rates
    trail: Trail
    estimates: Estimates
    live: Live
    draining: list[str] = field(default_factory=list[str])

    def note(self, who: Caller, action: Doing, job: Job, **detail: object) -> None:
        """Who did what, for the audit; nobody where callers are not asked who they are. Never waits."""
        if who.subject:
            told = {"report": job.report, "format": job.format, **detail}
            act = Act(actor=who.subject, action=action, detail=told)
            self.trail.note(act, job.tenant, job.id, job.generation)
            if action == "download":
                self.ports.observer.event("file.downloaded", job, actor=who.subject)

    async def close(self) -> None:
        """What still has to be written is."""
        await self.trail.close()
        await self.doorman.close()
        self.estimates.close()


def house_of(ports: Ports, config: Config, roles: tuple[str, ...]) -> House:
    return House(
        ports,
        config,
        roles,
        Doorman(ports, config.auth, config.claims),
        Rates(ports.cache, config.max_requests_per_tenant),
        Trail(ports.store, ports.observer, config.audit_days),
        Estimates(ports, lambda: sources(config)),
        Live(ports, most=config.max_listeners),
    )
