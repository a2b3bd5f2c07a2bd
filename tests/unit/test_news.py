"""What is news to whom; and that nothing that matters is lost where words wait to be read."""

from hypothesis import given
from hypothesis import strategies as st

from prelo.app.listener import Event, Listener, Told
from prelo.core.job import Job, Progress, State
from prelo.core.news import Mark, Standing, kind_of
from prelo.core.request import Caller

NUMBERS = st.integers(0, 10**9 - 1)


def standing(
    number: int, state: State = State.RUNNING, rows: int = 0, job_id: str = "a"
) -> Standing:
    job = Job(
        id=job_id, tenant="acme", report="sales", version=1, fingerprint="f", format="csv", state=state,
        generation=number // 7, fence=number // 3, progress=Progress(rows=rows),
    )  # fmt: skip
    return Standing(job=job, number=number)


@given(st.builds(Mark, NUMBERS, NUMBERS, NUMBERS))
def test_a_mark_is_read_as_it_was_written(mark: Mark):
    assert Mark.read(str(mark)) == mark


@given(st.text("0123456789.-+ a٣", max_size=12))
def test_anything_else_is_no_mark(text: str):
    mark = Mark.read(text)
    assert mark is None or all(part.isdecimal() for part in text.split("."))


STEPS = st.lists(
    st.tuples(st.integers(0, 2), st.sampled_from(list(State)), st.integers(0, 3), st.booleans()),
    max_size=30,
)


def course(steps: list[tuple[int, State, int, bool]]) -> list[tuple[Standing, bool]]:
    """How a job stood, one look after the other: by a new transition, or with more rows in the same; and
    whether the listener came back just before.
    """
    found = [(standing(1, State.QUEUED), False)]
    for new, state, rows, back in steps:
        last = found[-1][0]
        if new:
            found.append((standing(last.number + new, state, rows), back))
        else:
            found.append(
                (standing(last.number, last.job.state, last.job.progress.rows + rows), back)
            )
    return found


@given(STEPS)
def test_a_listener_that_comes_and_goes_knows_every_look_and_no_state_twice(
    steps: list[tuple[int, State, int, bool]],
):
    seen: Mark | None = None
    before: Standing | None = None
    told: list[Mark] = []
    for now, back in course(steps):
        kind = kind_of(now, seen, None if back else before)
        if kind in {"state", "end"}:
            told.append(now.mark)
            seen = now.mark
            assert (kind == "end") == now.job.state.ended
        if kind == "progress":
            assert now.job.state is State.RUNNING
        # Whoever was told, or needed not to be, now knows the job as it is.
        assert seen == now.mark
        if before is not None and before.way != now.way and now.job.state is State.RUNNING:
            assert kind is not None
        before = now
    assert len(told) == len(set(told))


JOBS = st.lists(
    st.tuples(
        st.sampled_from("abc"),
        st.sampled_from([State.QUEUED, State.RUNNING, State.RUNNING, State.SUCCEEDED, State.DEAD]),
        st.booleans(),
        st.booleans(),
    ),
    max_size=60,
)


@given(JOBS)
async def test_of_what_waits_every_end_is_read_and_the_newest_of_the_rest(
    jobs: list[tuple[str, State, bool, bool]],
):
    listener = Listener(Caller(tenant="acme"), 10_000)
    newest: dict[str, Standing] = {}
    offered: list[Mark] = []
    read: list[Event] = []
    for job_id, state, same, reads in jobs:
        before = newest.get(job_id)
        number = before.number if before and same and not before.job.state.ended else len(read) + 7
        number = max(number, (before.number if before else 0) + (not same))
        rows = (before.job.progress.rows if before else 0) + 1
        kept = before.job.state if before and number == before.number else state
        now = standing(number, kept, rows, job_id)
        kind = kind_of(now, before and before.mark, before)
        if kind is None:
            continue
        newest[job_id] = now
        if kind == "end":
            offered.append((job_id, now.mark))  # type: ignore[arg-type]  there is one
        listener.offer(Event(kind, job_id, Told(now)))
        if reads and isinstance(event := await listener.next(0), Event):
            read.append(event)
    while isinstance(event := await listener.next(0), Event):
        read.append(event)
    ends = [(e.job_id, e.told.standing.mark) for e in read if e.kind == "end" and e.told]
    assert ends == offered
    last = {e.job_id: e.told.standing for e in read if e.told}
    assert last == newest
    open_ = {(id_, one.mark) for id_, one in newest.items() if not one.job.state.ended}
    states = [(e.job_id, e.told.standing.mark) for e in read if e.kind == "state" and e.told]
    assert len(states) == len(set(states))
    assert open_ <= set(states), "a state was told as mere progress"


async def test_who_does_not_read_is_over_and_what_waits_is_bounded():
    listener = Listener(Caller(), 3)
    for rows in range(1000):
        listener.offer(Event("progress", "a", Told(standing(1, rows=rows))))
    assert not listener.over.is_set(), "of progress only the newest waits"
    for name in "bcd":
        listener.offer(Event("state", name, Told(standing(1, job_id=name))))
    assert listener.over.is_set()
