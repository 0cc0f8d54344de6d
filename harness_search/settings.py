"""Configuration: `meta_harness.toml` as one validated model.

The text under a field, up to its first full stop or semicolon, is its comment in the default file
(`configuration/template.py`). `configuration/` reads the file and what beats it.
"""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from harness_search.gateway.prices import Price
from harness_search.ledger.scores import Weights
from harness_search.profiles import SIMULATED, Profile, Section
from harness_search.promotion.rules import DEFAULT_PRESET, PRESETS, Control, GateRules, Reference

__all__ = [
    "SIMULATED",
    "BenchmarkSettings",
    "BudgetSettings",
    "JudgeSettings",
    "LimitSettings",
    "Price",
    "Profile",
    "PromotionSettings",
    "ProposerSettings",
    "SandboxSettings",
    "SearchSettings",
    "ServiceSettings",
    "Settings",
    "SimulatedSettings",
]

MOST_TRIALS = 100
"""Of one harness; trials of a control have numbers beyond."""
PLACEBO_EVERY = 8
SMALLEST_WITH_PLACEBOS = 16
"""Iterations of a search that has placebos unless it is told otherwise."""


def _words(words: object) -> object:
    if not isinstance(words, list | tuple):
        message = 'Input should be a list of words, such as ["python3", "my_agent.py"]'
        raise PydanticCustomError("command", message)
    return words


Words = Annotated[tuple[str, ...], BeforeValidator(_words)]
"""A command: a program and its arguments."""


class SearchSettings(Section):
    """What one search is, and when it ends. Profile, proposer, trials and seed are fixed at its
    start."""

    profile: str = SIMULATED
    """The model; a name from `[profiles]`."""
    proposer: Literal["catalogue", "claude", "command"] = "catalogue"
    """What makes candidates; known mechanisms, one at a time, or sessions of Claude or another
    program."""
    iterations: int = Field(default=6, ge=0)
    """Last iteration to run, counted from the start of the search."""
    trials: int = Field(default=3, ge=1, le=MOST_TRIALS)
    """Rollouts of every task for each harness."""
    concurrency: int = Field(default=4, ge=1, le=512)
    """Rollouts at once."""
    seed: int = Field(default=0, ge=0)
    """What chance is drawn from."""
    target_score: float | None = Field(default=None, examples=[85.0])
    """Blended points of the incumbent that end the search; what selection is estimated to have
    added is taken off first."""
    plateau: int = Field(default=0, ge=0)
    """Iterations without a promotion that end the search, 0: none do."""
    placebo_every: int | None = Field(default=None, ge=0, examples=[8])
    """Every so many iterations a placebo, 0: never; None: every eighth one of a search of sixteen
    or more, but not the last."""
    confirmation_trials: int | None = Field(default=None, ge=0, le=MOST_TRIALS, examples=[3])
    """Fresh rollouts of baseline and final harness, 0: none; of every task, after the last
    iteration; None: as many as `trials`."""

    def is_placebo(self, iteration: int) -> bool:
        """Whether the candidate of an iteration behaves as its parent does, by design."""
        every = self.placebo_every
        if every is None:
            is_large = self.iterations >= SMALLEST_WITH_PLACEBOS
            every = PLACEBO_EVERY if is_large and iteration != self.iterations else 0
        return every > 0 and iteration > 0 and iteration % every == 0


class ProposerSettings(Section):
    """How sessions in a box are held (docs/proposers.md); the catalogue needs none of it."""

    profile: str = "claude"
    """Whose model a session uses, a name from `[profiles]`; empty for a `command` that asks
    none."""
    effort: Literal["low", "medium", "high", "xhigh", "max"] = "high"
    """How much a Claude session thinks; for a model that knows no effort it means nothing."""
    max_turns: int = Field(default=200, ge=1)
    """Turns of a Claude session."""
    session_seconds: float = Field(default=3 * 3600.0, gt=0)
    """Of one session; what it has written by then counts."""
    hard_seconds: float = Field(default=12 * 3600.0, gt=0)
    """Of one run of a session, its waits for the provider included."""
    attempts: int = Field(default=3, ge=1)
    """Tries of a Claude session that was lost to what may pass."""
    feedback: Literal["full", "redacted"] = "full"
    """What a session may see of dev; everything, or shapes, counts and de-identified reasons."""
    command: Words = Field(default=(), examples=[["python3", "my_agent.py"]])
    """The program of the proposer `command`, and its arguments."""


class JudgeSettings(Section):
    """Who grades deliverables (docs/judge.md); how a model is asked. A search keeps its judge."""

    kind: Literal["checks", "model"] = "checks"
    """Checks that tasks carry, or a model that reads rubrics."""
    profile: str = "claude"
    """The model that judges, a name from `[profiles]`."""
    second: str = ""
    """A profile that judges again where the trials of one harness disagree."""
    chunk: int = Field(default=1, ge=1, le=50)
    """Criteria in one call."""
    batches: bool = False
    """Test split and calibration by message batches, at half the price; an answer takes up to a
    day."""
    probes: bool = True
    """Ask with each candidate what no deliverable can satisfy."""
    cache_minutes: Literal[5, 60] = 5
    """How long the provider keeps a deliverable; the calls that share it are the cheaper."""
    structured: bool = True
    """Have the endpoint hold answers to their form; off for one that cannot."""
    most_tokens: int = Field(default=600, ge=100)
    """Of one criterion's answer."""
    attempts: int = Field(default=3, ge=1)
    """Rounds of asking for what stayed undecided; then the rollout counts as lost."""
    hard_seconds: float = Field(default=1800.0, gt=0)
    """Of grading one rollout, whatever holds it up; by batches it may take their day."""

    @model_validator(mode="after")
    def _check_second(self) -> "JudgeSettings":
        if self.second and (self.kind == "checks" or self.second == self.profile):
            message = 'Input should be a second other than the profile, and kind = "model" with it'
            raise PydanticCustomError("second", message)
        return self


class BenchmarkSettings(Section):
    """What harnesses are measured on."""

    tasks: Path = Path("tasks")
    """Folder of the tasks, relative to the workspace."""
    error_classes: Path | None = Field(default=None, examples=["error_classes.toml"])
    """File that classes failed criteria for the report, relative to the workspace; None: the one
    beside the folder of tasks, else ours for legal tasks."""


class PromotionSettings(Section):
    """What a candidate is measured by, and what promotes it (docs/gate.md). A number that is
    not given is the preset's; `promotion/rules.py` says what each one means."""

    preset: Literal["seed", "standard", "economy", "strict", "explore"] = DEFAULT_PRESET
    """The gate's numbers."""
    gate: str = Field(default="", pattern=r"^([\w.]+:\w+)?$", examples=["my_gate:make"])
    """`module:factory` of a gate of one's own; the factory is given the rules."""
    all_pass_weight: float = Field(default=0.5, ge=0)
    """Points per point of all-pass rate; source: 004_f152e661325a6a68.txt."""
    min_delta: float = Field(default=1.0, ge=0)
    most_trials: int | None = Field(default=None, ge=1, le=MOST_TRIALS)
    slice_trials: int | None = Field(default=None, ge=0, le=MOST_TRIALS)
    slice_chance: float | None = Field(default=None, ge=0, le=1)
    futility_chance: float | None = Field(default=None, ge=0, le=1)
    sure_chance: float | None = Field(default=None, ge=0, lt=1)
    band: float | None = Field(default=None, ge=0)
    bypass_share: float | None = Field(default=None, ge=0, le=1)
    fewest_recall: float | None = Field(default=None, ge=0, le=1)
    control: Control | None = None
    oldest_days: float | None = Field(default=None, gt=0)
    incumbent_trials: int | None = Field(default=None, ge=0, le=MOST_TRIALS)
    reference: Reference | None = None

    @property
    def overrides(self) -> dict[str, float | int | str]:
        """The numbers that are not the preset's."""
        preset = PRESETS[self.preset]
        given = self.model_dump(exclude={"preset", "gate", "all_pass_weight"}, exclude_none=True)
        return {name: value for name, value in given.items() if value != getattr(preset, name)}

    def rules(self, trials: int) -> GateRules:
        """The numbers of the gate for searches of so many trials."""
        preset = PRESETS[self.preset]
        given = self.model_dump(exclude={"preset", "gate", "all_pass_weight"}, exclude_none=True)
        scaled = {
            "most_trials": preset.most_trials * trials // preset.trials,
            "incumbent_trials": preset.incumbent_trials * trials // preset.trials,
        }
        return replace(preset, **{**scaled, **given, "trials": trials})


class LimitSettings(Section):
    """Limits of one rollout; passing one is a failure of the harness, but for `hard_seconds`."""

    seconds: float = Field(default=1800.0, gt=0)
    """Of the harness; what the provider takes beyond its due does not count."""
    hard_seconds: float = Field(default=6 * 3600.0, gt=0)
    """Of an attempt, whatever holds it up. Passing it is nobody's failure: it is run again."""
    output_megabytes: int = Field(default=50, ge=1)
    """Of its deliverables together."""
    attempts: int = Field(default=3, ge=1)
    """Tries of a rollout that was lost to an infrastructure failure."""
    calls: int = Field(default=1000, ge=1)
    """Calls to the model."""
    cpu_seconds: float = Field(default=1800.0, gt=0)
    """Of all its processes together."""
    memory_megabytes: int = Field(default=2048, ge=64)
    """Of all its processes together."""
    processes: int = Field(default=128, ge=8)
    """Processes and threads at once."""
    open_files: int = Field(default=256, ge=32)
    """Of one process; enough for documents, too few to take every connection of the gateway."""
    workspace_megabytes: int = Field(default=500, ge=1)
    """What it may keep in its workspace and its output."""
    temporary_megabytes: int = Field(default=256, ge=1)
    """What it may keep in /tmp."""

    @model_validator(mode="after")
    def _check_hard_seconds(self) -> "LimitSettings":
        if self.hard_seconds <= self.seconds:
            message = "Input should be hard_seconds above seconds, or no harness is ever too slow"
            raise PydanticCustomError("hard_seconds", message)
        return self


class SandboxSettings(Section):
    """What harness code is shut in (docs/security.md)."""

    backend: Literal["auto", "bwrap", "landlock"] = "auto"
    """`auto` takes the strongest that works here; to run without one is a flag's privilege."""


class BudgetSettings(Section):
    """What may be spent at most; None for no limit. Judge and proposer count towards the search."""

    usd: float | None = Field(default=None, gt=0, examples=[5.0])
    """By the whole search; its openings of the test split included."""
    tokens: int | None = Field(default=None, gt=0, examples=[20_000_000])
    """By the whole search; tokens of every kind count alike."""
    candidate_tokens: int | None = Field(default=None, gt=0, examples=[2_000_000])
    """By all rollouts of one harness."""
    rollout_tokens: int | None = Field(default=None, gt=0, examples=[300_000])
    """By one attempt of a rollout."""
    session_tokens: int | None = Field(default=None, gt=0, examples=[8_000_000])
    """By one run of a proposer session."""
    allow_unpriced: bool = False
    """Start although the model's price is unknown; nothing then says what it cost in USD."""


class ServiceSettings(Section):
    """How a launch runs in the background and ends. Nothing of it changes a score."""

    drain_seconds: float = Field(default=120.0, ge=0)
    """What rollouts in flight have to end in when a signal stops the launch; paid replies of those
    that do not are kept for the next one."""
    on_promoted: Words = ()
    """A command of one's own, run when a candidate is promoted (docs/events.md)."""
    on_needs_person: Words = ()
    """Likewise when a launch has ended because somebody has to look at it."""
    on_finished: Words = ()
    """Likewise when nothing is left to do."""


class SimulatedSettings(Section):
    """How the simulated model's endpoint serves. Nothing of it changes a score, so a search may be
    gone on with under other values; which model answers is the profile's."""

    latency_seconds: float = Field(default=0.0, ge=0)
    """Before an answer begins."""
    tokens_per_second: float = Field(default=0.0, ge=0)
    """Pace of an answer, streamed or whole; 0 for at once."""
    fault_share: float = Field(default=0.0, ge=0, le=1)
    """Share of the requests that meet a provider's failure."""
    fault_seed: int = Field(default=0, ge=0)
    """Which ones, and which failure."""


def _simulated_profile() -> dict[str, Profile]:
    return {
        SIMULATED: Profile(
            base_url=SIMULATED, model="simulated-1", context_tokens=7_000, cost_weight=24.0
        )
    }


class Settings(Section):
    """The whole of `meta_harness.toml`."""

    search: SearchSettings = SearchSettings()
    proposer: ProposerSettings = ProposerSettings()
    judge: JudgeSettings = JudgeSettings()
    benchmark: BenchmarkSettings = BenchmarkSettings()
    promotion: PromotionSettings = PromotionSettings()
    limits: LimitSettings = LimitSettings()
    budget: BudgetSettings = BudgetSettings()
    sandbox: SandboxSettings = SandboxSettings()
    service: ServiceSettings = ServiceSettings()
    simulated: SimulatedSettings = SimulatedSettings()
    profiles: dict[str, Profile] = Field(default_factory=_simulated_profile)

    @property
    def profile(self) -> Profile:
        """The profile that the search uses."""
        return self.profiles[self.search.profile]

    @property
    def weights(self) -> Weights:
        return Weights(self.promotion.all_pass_weight, self.profile.cost_weight)

    @property
    def rules(self) -> GateRules:
        """The numbers of the gate."""
        return self.promotion.rules(self.search.trials)

    @property
    def gate(self) -> dict[str, Any]:
        """The gate as it is now: its name, and each of its numbers."""
        promotion = self.promotion
        return {"name": promotion.gate or promotion.preset, **asdict(self.rules)}

    @property
    def confirmation_trials(self) -> int:
        """Fresh rollouts of every task for baseline and final harness; 0 for no confirmation."""
        given = self.search.confirmation_trials
        return self.search.trials if given is None else given

    @property
    def most_trials(self) -> int:
        """Rollouts of a task that count for a harness, with all that comparisons asked for."""
        return max(self.search.trials, self.rules.most_trials, self.rules.incumbent_trials)
