"""One example for each route: what docs/api.md shows, and what a test sends to a running server.

In paths, bodies and commands stand the names of ids, as `job_id`; `needs` says of what.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

# What an id in an example is the id of.
NEEDS = {
    "done": "a job that has succeeded",
    "under way": "a job that is queued or running",
    "failed": "a job that has failed",
    "schedule": "a schedule",
    "webhook": "a webhook",
    "delivery": "a webhook, and a notice that was sent to it",
    "dataset": "a dataset",
}
CSV = "city;people\nZürich;448000\nBern;134000\n"  # cities.csv
GRAPHQL = "{jobs(first: 10) {nodes {id state links}}}"


@dataclass(frozen=True, slots=True)
class Example:
    """`query`, `headers` and `body` are what curl sends; `python` does the same with `client`, which is a
    prelo.Client, or `http`, an httpx.Client. `answers`: the statuses that it may have. `more`: what else
    curl is told.
    """

    python: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: Any = None
    answers: tuple[int, ...] = (200,)
    needs: str = ""
    more: str = ""


REQUEST = {"report": "offices", "format": "xlsx", "locale": "pt-BR"}
PLAN: dict[str, Any] = {
    "name": "Offices, every working day",
    "cron": "0 7 * * MON-FRI",
    "timezone": "Europe/Lisbon",
    "request": {"report": "offices", "format": "pdf"},
}
ERRAND = {"report": "offices", "state": "failed", "dry_run": True}
HOOK = {"url": "https://hooks.example.com/prelo", "jobs": "all"}

EXAMPLES: dict[str, Example] = {
    "GET /v1/reports": Example(
        "for report in client.reports():\n    print(report.name, report.formats)"
    ),
    "GET /v1/reports/{name}": Example(
        'report = http.get("/v1/reports/offices").raise_for_status().json()\n'
        'print(report["title"], report["parameters"])'
    ),
    "GET /v1/reports/{name}/versions/{number}": Example(
        'report = http.get("/v1/reports/offices/versions/1").raise_for_status().json()'
    ),
    "POST /v1/jobs": Example(
        'job = client.submit("offices", format="xlsx", locale="pt-BR")\nprint(job.id, job.state)',
        body=REQUEST,
        headers={"Prefer": "wait=10", "Idempotency-Key": "8e03978e-40d5-43e8-bc93-6894a57f9324"},
        answers=(201, 202),
    ),
    "GET /v1/jobs": Example(
        'for job in client.jobs(state="succeeded", report="offices"):\n'
        "    print(job.id, job.created_at)",
        query="state=succeeded&report=offices&limit=20",
    ),
    "GET /v1/jobs/{job_id}": Example(
        "job = client.wait(job_id, timeout=60)  # or once: client.job(job_id)\nprint(job.state)",
        headers={"Prefer": "wait=25"},
        needs="done",
    ),
    "GET /v1/jobs/{job_id}/file": Example(
        'client.file(client.job(job_id)).save("offices.csv")',
        needs="done",
        more="-L -o offices.csv",
    ),
    "GET /v1/jobs/{job_id}/manifest": Example(
        "manifest = client.manifest(job_id)\nprint(manifest.rows, manifest.completeness)",
        needs="done",
    ),
    "GET /v1/jobs/{job_id}/events": Example(
        "for event in client.events(job_id):\n    print(event.kind, event.job.state)",
        needs="done",
        more="-N",
    ),
    "GET /v1/jobs/{job_id}/notices": Example(
        'said = http.get(f"/v1/jobs/{job_id}/notices").raise_for_status().json()\n'
        'for notice in said["deliveries"]:\n    print(notice["event"], notice["state"])',
        needs="done",
    ),
    "POST /v1/jobs/{job_id}:cancel": Example(
        "print(client.cancel(job_id).state)", needs="under way", answers=(200, 202)
    ),
    "POST /v1/jobs/{job_id}:retry": Example(
        "print(client.retry(job_id).state)", needs="failed", answers=(200, 201, 202)
    ),
    "POST /v1/jobs/{job_id}:refresh": Example(
        "job = client.refresh(job_id)\nprint(job.id, job.generation)",
        needs="done",
        answers=(200, 201, 202),
    ),
    "DELETE /v1/jobs/{job_id}": Example("client.forget(job_id)", needs="failed", answers=(204,)),
    "POST /v1/datasets": Example(
        'dataset = client.upload("cities.csv")\nprint(dataset.id, dataset.rows)',
        headers={"Content-Type": "text/csv"},
        more="--data-binary @cities.csv",
        answers=(200, 201),
    ),
    "GET /v1/datasets": Example(
        'page = http.get("/v1/datasets", params={"limit": 20}).raise_for_status().json()\n'
        'for dataset in page["datasets"]:\n    print(dataset["id"], dataset["rows"])',
        query="limit=20",
    ),
    "GET /v1/datasets/{dataset}": Example(
        'columns = http.get(f"/v1/datasets/{dataset}").raise_for_status().json()["columns"]',
        needs="dataset",
    ),
    "DELETE /v1/datasets/{dataset}": Example(
        'http.delete(f"/v1/datasets/{dataset}").raise_for_status()', needs="dataset", answers=(204,)
    ),
    "POST /v1/schedules": Example(
        "schedule = client.create_schedule(\n"
        '    "Offices, every working day",\n    "0 7 * * MON-FRI",\n'
        '    {"report": "offices", "format": "pdf"},\n    timezone="Europe/Lisbon",\n)\n'
        "print(schedule.id, schedule.next[0])",
        body=PLAN,
        answers=(201,),
    ),
    "GET /v1/schedules": Example(
        "for schedule in client.schedules():\n    print(schedule.name, schedule.next)"
    ),
    "GET /v1/schedules/{schedule_id}": Example(
        "print(client.schedule(schedule_id).last_job)", needs="schedule"
    ),
    "PATCH /v1/schedules/{schedule_id}": Example(
        'client.change_schedule(schedule_id, {"cron": "0 8 * * MON-FRI"})',
        body={"cron": "0 8 * * MON-FRI"},
        needs="schedule",
    ),
    "DELETE /v1/schedules/{schedule_id}": Example(
        "client.delete_schedule(schedule_id)", needs="schedule", answers=(204,)
    ),
    "POST /v1/schedules/{schedule_id}:pause": Example(
        "from datetime import UTC, datetime\n\n"
        "client.pause_schedule(schedule_id, until=datetime(2190, 1, 1, tzinfo=UTC))",
        body={"until": "2190-01-01T00:00:00Z"},
        needs="schedule",
    ),
    "POST /v1/schedules/{schedule_id}:resume": Example(
        "client.resume_schedule(schedule_id)", needs="schedule"
    ),
    "POST /v1/schedules/{schedule_id}:run": Example(
        "firing = client.run_schedule(schedule_id)\nprint(firing.outcome, firing.job)",
        needs="schedule",
        answers=(202,),
    ),
    "GET /v1/schedules/{schedule_id}/upcoming": Example(
        "for time in client.upcoming(schedule_id, limit=3):\n    print(time.at, time.parameters)",
        query="limit=3",
        needs="schedule",
    ),
    "GET /v1/schedules/{schedule_id}/firings": Example(
        "for firing in client.firings(schedule_id):\n    print(firing.at, firing.outcome)",
        needs="schedule",
    ),
    "POST /v1/webhooks": Example(
        "from prelo.client import webhooks\n\n"
        'hook = client.do(webhooks.make("https://hooks.example.com/prelo", jobs="all"))\n'
        "keep = hook.secret  # it is told this once",
        body=HOOK,
        answers=(201,),
    ),
    "GET /v1/webhooks": Example(
        "from prelo.client import webhooks\n\n"
        "for hook in client.do(webhooks.listing()):\n    print(hook.url, hook.enabled)"
    ),
    "GET /v1/webhooks/{webhook_id}": Example(
        "from prelo.client import webhooks\n\nprint(client.do(webhooks.looking(webhook_id)).why)",
        needs="webhook",
    ),
    "PATCH /v1/webhooks/{webhook_id}": Example(
        "from prelo.client import webhooks\n\n"
        'client.do(webhooks.changing(webhook_id, description="our accounts"))',
        body={"description": "our accounts"},
        needs="webhook",
    ),
    "DELETE /v1/webhooks/{webhook_id}": Example(
        "from prelo.client import webhooks\n\nclient.do(webhooks.deleting(webhook_id))",
        needs="webhook",
        answers=(204,),
    ),
    "POST /v1/webhooks/{webhook_id}:rotate": Example(
        "from prelo.client import webhooks\n\n"
        "keep = client.do(webhooks.rotating(webhook_id, grace=3600)).secret",
        body={"grace": 3600},
        needs="webhook",
    ),
    "POST /v1/webhooks/{webhook_id}:enable": Example(
        "from prelo.client import webhooks\n\nclient.do(webhooks.enabling(webhook_id))",
        needs="webhook",
    ),
    "POST /v1/webhooks/{webhook_id}:test": Example(
        "from prelo.client import webhooks\n\nprint(client.do(webhooks.testing(webhook_id)).state)",
        needs="webhook",
        answers=(202,),
    ),
    "GET /v1/webhooks/{webhook_id}/deliveries": Example(
        "from prelo.client import webhooks\n\n"
        "for sent in client.do(webhooks.deliveries(webhook_id, limit=20)).deliveries:\n"
        "    print(sent.event, sent.state, [one.status for one in sent.tries])",
        query="limit=20",
        needs="delivery",
    ),
    "POST /v1/webhooks/{webhook_id}/deliveries:replay": Example(
        "from prelo.client import webhooks\n\n"
        'print(client.do(webhooks.replaying_dead(webhook_id)), "are sent again")',
        needs="webhook",
    ),
    "POST /v1/webhooks/{webhook_id}/deliveries/{notice_id}:replay": Example(
        "from prelo.client import webhooks\n\nclient.do(webhooks.replaying(webhook_id, notice_id))",
        needs="delivery",
        answers=(202,),
    ),
    "GET /v1/dead": Example(
        'for job in client.dead_jobs(state="failed", report="offices"):\n'
        "    print(job.id, job.error)",
        query="state=failed&report=offices",
    ),
    "GET /v1/dead/audit": Example(
        "for entry in client.dead_audit():\n    print(entry.at, entry.actor, entry.action)"
    ),
    "GET /v1/dead/{job_id}": Example(
        "job = client.dead_job(job_id)\nprint(job.fate, [change.after for change in job.history])",
        needs="failed",
    ),
    "POST /v1/dead/replay": Example(
        "from prelo.core.desk import Errand\n\n"
        'errand = Errand(report="offices", state="failed", dry_run=True)\n'
        'print(client.replay(errand, by="ana@example.com").left)',
        body=ERRAND,
        headers={"From": "ana@example.com"},
    ),
    "POST /v1/dead/drop": Example(
        "from prelo.core.desk import Errand\n\n"
        'errand = Errand(report="offices", state="failed", dry_run=True)\n'
        'print(client.drop(errand, by="ana@example.com").left)',
        body=ERRAND,
        headers={"From": "ana@example.com"},
    ),
    "GET /v1/audit": Example(
        'for entry in client.audit(act="download"):\n    print(entry.at, entry.actor, entry.job_id)',
        query="act=download",
    ),
    "GET /v1/status": Example(
        'said = http.get("/v1/status").raise_for_status().json()\n'
        'print(said["depth"], [name for name, count in said["health"].items() if count])'
    ),
    "GET /livez": Example('http.get("/livez").raise_for_status()'),
    "GET /readyz": Example('http.get("/readyz").raise_for_status()'),
    "POST /graphql": Example(
        f'said = http.post("/graphql", json={{"query": "{GRAPHQL}"}})\n'
        "said = said.raise_for_status().json()\n"
        'print(said["data"]["jobs"]["nodes"])',
        body={"query": GRAPHQL},
    ),
}
