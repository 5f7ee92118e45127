"""Whatever happens in between, a workload that was stopped is started again, with what it had, and no other ever is."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from baileys_janitor.quiesce import machine
from baileys_janitor.quiesce.machine import LATE_SECONDS, Situation, Step, next_step
from baileys_janitor.quiesce.record import FOUGHT, GONE, STOPPED_BY_OTHERS, QuiesceRecord
from baileys_janitor.quiesce.workload import DEPLOYMENT, MANAGER, Workload

ALL = bool(os.environ.get("ALL_CHECKS"))
STEPS_TO_THE_END = 40
FATES = st.sampled_from(["done", "done", "done", "lost", "unanswered", "late", "crashed", "killed"])
"""What becomes of a request: carried out; lost on the way; carried out and not answered; carried out later and not
answered; not sent, as the operator was killed; carried out, and the operator killed before it had the answer."""
PEOPLE = st.sampled_from(
    [
        *["scales it", "applies it"] * 2,
        *("changes it", "deletes it", "creates it anew", "wants it resumed"),
        "deletes the operation",
    ]
)


@dataclass
class Put:
    """A scale on its way."""

    uid: str
    version: str
    replicas: int
    sent: float


class Quiescing(RuleBasedStateMachine):
    """A workload, people, an operation, and an operator that is killed at any time."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1_000_000.0
        self.count = 0
        # In the cluster.
        self.workload: Workload | None = None
        self.pods: tuple[str, ...] = ()
        self.record: QuiesceRecord | None = None
        self.held = False
        self.deleting = False
        self.gone = False
        self.late: list[Put] = []
        # In the operator's memory.
        self.unsure = 0.0
        self.resume = False
        self.step: Step | None = None
        # What must hold.
        self.stopped_by_us = False
        self.recorded: dict[str, set[int]] = {}
        self.wants_none = False
        self.unseen_stop = False

    # The cluster

    def version(self) -> str:
        self.count += 1
        return str(self.count)

    def changed(self, replicas: int, managers: tuple[str, ...]) -> None:
        assert self.workload is not None
        if (self.workload.replicas, self.workload.managers) != (replicas, managers):
            self.workload = replace(
                self.workload, replicas=replicas, managers=managers, version=self.version()
            )
        self.pods = tuple(f"bot-{number}" for number in range(replicas)) or self.pods

    def put(self, put: Put) -> bool:
        """Carry out a scale of ours; False for a conflict."""
        found = self.workload
        if found is None or (found.uid, found.version) != (put.uid, put.version):
            return False
        if put.replicas:
            assert found.replicas == 0, "only what stands at 0 is started"
            assert put.replicas in self.recorded[found.uid], "never more than were recorded"
            assert not self.wants_none, "what somebody else has stopped is not started"
            self.stopped_by_us = False
            # A scale leaves its name only where somebody had one there.
            self.changed(put.replicas, (MANAGER,) if found.managers else ())
        else:
            assert self.record is not None
            assert self.record.holds
            assert self.held, "only what is held is stopped"
            assert found.replicas in self.recorded[found.uid]
            self.stopped_by_us = True
            self.changed(0, ())
        return True

    def crash(self) -> None:
        """The operator is killed, and another starts, which knows of nothing that was begun."""
        self.unsure = self.now + LATE_SECONDS
        self.step = None
        if self.unseen_stop:
            self.wants_none = self.unseen_stop = False
        self.resume = self.deleting

    # People and controllers

    @initialize(replicas=st.sampled_from([3, 2, 1, 1, 0]))
    def begin(self, replicas: int) -> None:
        self.workload = self.fresh(replicas)

    def fresh(self, replicas: int) -> Workload:
        # Who creates a workload of 0 by a scale, or by a client that hides its fields, owns no replicas.
        owned = ("helm",) if replicas else ()
        self.wants_none = replicas == 0
        self.stopped_by_us = self.unseen_stop = False
        self.pods = tuple(f"bot-{number}" for number in range(replicas))
        uid = f"uid-{self.version()}"
        return Workload(
            DEPLOYMENT, "bot", uid, self.version(), replicas, owned, False, "", frozenset({"c"})
        )

    @rule(does=PEOPLE, replicas=st.integers(0, 3))
    def somebody(self, does: str, replicas: int) -> None:
        if does == "deletes the operation" and not self.gone:
            self.deleting = self.resume = True
            self.leave()
        elif does == "wants it resumed":
            self.resume = True
        elif self.workload is None:
            self.workload = self.fresh(replicas)
        elif does == "deletes it":
            self.workload = None
            self.stopped_by_us = self.wants_none = self.unseen_stop = False
        elif does == "scales it":
            self.somebody_scales(replicas)
        elif does == "applies it":
            # Server-side, with force: who applies owns, whatever the value was.
            self.changed(replicas, ("argocd-controller",))
            self.stopped_by_us = self.unseen_stop = False
            self.wants_none = replicas == 0
        elif does == "changes it":
            self.workload = replace(self.workload, version=self.version())

    def somebody_scales(self, replicas: int) -> None:
        """By the scale subresource, as kubectl does: a 0 leaves no owner, and a 0 on a 0 leaves no trace."""
        assert self.workload is not None
        if replicas == self.workload.replicas:
            return
        self.changed(replicas, ("kubectl",) if replicas else ())
        self.stopped_by_us = False
        # Of a stop by scale, a record that was acted on, or may have been, cannot tell that it was not ours.
        holds = self.record is not None and self.record.holds
        sure = not holds or (self.record.stopped is None and not self.unsure)  # type: ignore[union-attr]
        self.wants_none = replicas == 0 and sure
        self.unseen_stop = self.wants_none and holds

    @precondition(lambda self: self.workload is None or not self.workload.replicas)
    @rule()
    def its_pods_go(self) -> None:
        self.pods = ()

    def leave(self) -> None:
        if self.deleting and not self.held:
            assert not self.stopped_by_us, "an operation that has gone would leave it at 0"
            self.gone = True

    @rule(seconds=st.sampled_from([1.0, 20.0, 2 * LATE_SECONDS]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        self.late = [put for put in self.late if self.now - put.sent < LATE_SECONDS]

    @precondition(lambda self: self.late)
    @rule()
    def what_was_late_is_carried_out(self) -> None:
        self.put(self.late.pop(0))

    # The operator

    @precondition(lambda self: not self.gone)
    @rule(fates=st.lists(FATES, min_size=1, max_size=8))
    def the_operator_works(self, fates: list[str]) -> None:
        for fate in fates:
            if not self.gone:
                self.the_operator_looks()
                self.the_operator_acts(fate)

    @precondition(lambda self: not self.gone)
    @rule()
    def the_operator_looks(self) -> None:
        self.step = next_step(
            Situation(
                self.record,
                self.held,
                self.workload,
                self.pods,
                self.resume,
                self.unsure,
                self.now,
            )
        )
        assert not (isinstance(self.step, machine.Quiet) and self.pods)

    @precondition(lambda self: not self.gone and self.step is not None)
    @rule(fate=FATES)
    def the_operator_acts(self, fate: str) -> None:
        step, self.step = self.step, None
        if isinstance(step, machine.Scale):
            self.scale(step, fate)
        elif fate == "crashed":
            self.crash()
        elif fate not in ("lost", "late"):
            self.write(step)
            if fate == "killed":
                self.crash()

    def scale(self, step: machine.Scale, fate: str) -> None:
        put = Put(step.workload.uid, step.workload.version, step.replicas, self.now)
        before, self.unsure = self.unsure, self.now + LATE_SECONDS
        if fate == "done":
            if not self.put(put):
                self.unsure = before
        elif fate in ("unanswered", "killed"):
            self.put(put)
        elif fate == "late":
            self.late.append(put)
        if fate in ("crashed", "killed"):
            self.crash()

    def write(self, step: Step | None) -> None:
        match step:
            case machine.Record(found):
                self.record = QuiesceRecord(
                    "Deployment", "bot", found.uid, found.replicas, self.now
                )
                self.recorded.setdefault(found.uid, set()).add(found.replicas)
            case machine.Hold():
                if self.deleting:
                    self.resume = True
                else:
                    self.held = True
            case machine.Confirm():
                assert self.record is not None
                self.record = replace(self.record, stopped=self.now)
                self.unsure = 0.0
            case machine.Quiet(first):
                if first:
                    assert self.record is not None
                    self.record = replace(self.record, quiet=self.now)
            case machine.End(outcome):
                assert self.record is not None
                self.record = replace(self.record, outcome=outcome)
                assert not self.stopped_by_us, f"{outcome} would leave it at 0"
                self.unseen_stop = False
            case machine.Release():
                self.held = False
                self.leave()
            case _:
                pass

    @invariant()
    def what_we_have_stopped_is_recorded(self) -> None:
        if self.stopped_by_us:
            assert self.held
            assert self.record is not None
            assert self.record.holds
            assert self.workload is not None
            assert self.record.uid == self.workload.uid

    def teardown(self) -> None:
        """Once the operation is deleted and nothing goes wrong any more, all comes to its end."""
        if self.workload is None and self.record is None:
            return
        self.deleting = self.resume = True
        self.leave()
        for _ in range(STEPS_TO_THE_END):
            if self.gone:
                break
            self.the_operator_looks()
            self.the_operator_acts("done")
            self.time_passes(20.0)
        assert self.gone, "the operation never went"
        assert not self.stopped_by_us, "it was left at 0"


def quiescing(*fates: str) -> Quiescing:
    """A workload of 2, and an operator that has gone so far."""
    world = Quiescing()
    world.begin(2)
    world.the_operator_works(list(fates))
    return world


def test_a_workload_is_recorded_held_stopped_and_seen_to_be_stopped_in_this_order() -> None:
    world = quiescing()
    steps = []
    for _ in range(5):
        world.the_operator_looks()
        steps.append(type(world.step).__name__)
        world.the_operator_acts("done")
    assert steps == ["Record", "Hold", "Scale", "Confirm", "Wait"]
    assert world.stopped_by_us


def test_what_has_the_name_of_a_stopped_workload_is_not_started() -> None:
    world = quiescing(*["done"] * 4)
    world.workload = None
    world.somebody("creates it anew", 0)
    world.the_operator_works(["done"])
    assert world.record is not None
    assert world.record.outcome == GONE
    world.teardown()


def test_what_somebody_stops_after_it_was_recorded_is_not_ours_to_start() -> None:
    world = quiescing("done", "done")
    world.somebody("scales it", 0)
    world.the_operator_works(["done"])
    assert world.record is not None
    assert world.record.outcome == STOPPED_BY_OTHERS
    world.teardown()


def test_what_somebody_applies_as_0_while_it_is_stopped_is_not_ours_to_start() -> None:
    world = quiescing(*["done"] * 4)
    world.somebody("applies it", 0)
    world.somebody("wants it resumed", 0)
    world.the_operator_works(["done"])
    assert world.record is not None
    assert world.record.outcome == STOPPED_BY_OTHERS
    world.teardown()
    assert world.workload is not None
    assert world.workload.replicas == 0


def test_a_record_is_kept_while_a_scale_without_an_answer_may_still_be_carried_out() -> None:
    world = quiescing("done", "done", "late")
    world.somebody("wants it resumed", 0)
    world.the_operator_works(["done"] * 3)
    world.what_was_late_is_carried_out()
    assert world.stopped_by_us
    world.teardown()
    assert world.workload is not None
    assert world.workload.replicas == 2


def test_who_starts_a_stopped_workload_is_named_and_left_alone() -> None:
    world = quiescing(*["done"] * 4)
    world.somebody("applies it", 1)
    world.the_operator_looks()
    assert world.step == machine.End(FOUGHT, ("argocd-controller",))


def test_a_start_without_a_name_is_ours_only_while_it_is_to_run_again() -> None:
    outcomes = []
    for resume, replicas in ((True, 2), (True, 1), (False, 2)):
        world = quiescing(*["done"] * 4)
        assert world.record is not None
        assert world.record.stopped is not None
        world.changed(replicas, ())
        world.resume = resume
        world.the_operator_looks()
        outcomes.append(world.step)
    assert outcomes == [machine.End("Resumed"), machine.End(FOUGHT), machine.End(FOUGHT)]


def test_a_workload_without_replicas_is_never_started() -> None:
    world = Quiescing()
    world.begin(0)
    world.the_operator_looks()
    assert world.step == machine.Quiet(first=False)
    world.teardown()
    assert world.workload is not None
    assert world.workload.replicas == 0


TestQuiescing = Quiescing.TestCase
TestQuiescing.settings = settings(
    max_examples=3000 if ALL else 150,
    stateful_step_count=60 if ALL else 40,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
