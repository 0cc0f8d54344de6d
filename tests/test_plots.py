"""Plots of a search: whatever the values, a picture that fits a page and says what it shows."""

import re
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from io import BytesIO
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from plotted import Sample, Shown, measured

from harness_search.ledger.rows import DecisionKind
from harness_search.plots.colours import readable_on, step_of
from harness_search.plots.distribution import Distribution, Spread, distribution
from harness_search.plots.gains import CandidateGain, Gains, gains
from harness_search.plots.heat_map import LONGEST_NAME, HeatMap, TaskRates, heat_map
from harness_search.plots.lineage import Candidate, Lineage
from harness_search.plots.mix import Mix, Mixes
from harness_search.plots.noise import Noise, Pass, noise
from harness_search.plots.pairs import Pair, by_area, by_error, paired_bars
from harness_search.plots.pareto import Pareto, Standing, pareto, undominated
from harness_search.plots.progress import Iteration, Progress, progress
from harness_search.plots.spending import IterationCost, RoleCost, Spending, spending
from harness_search.plots.values import Measured, signed
from harness_search.plots.words import plain

HOSTILE = (
    "<script>alert(1)</script>",
    "]]><svg onload=alert(1)>",
    "x" * 100_000,
    "\u202egnp.exe\u2066\u200f",
    "\x00\x1b[31mred\x1b[0m\x07\n\r\t\ud800\ufffe",
    "$\\frac{broken",
    "$a$ \\$b",
    "_hidden",
    "\u5408\u540c\u5be9\u67fb \U0001f600 \u0627\u0644\u0639\u0642\u062f",
    "Z" + "\u0301" * 500,
    "",
)
KINDS = tuple(DecisionKind)


@cache
def drawn(size: int, *, simulated: bool = False) -> list[tuple[Shown, str]]:
    """The same with their SVG, each with its own prefix: to draw takes long."""
    shown = Sample(size, simulated=simulated).plots()
    return [(one, one.svg(f"plot{place}")) for place, one in enumerate(shown)]


def text_of(svg: str) -> str:
    return " ".join("".join(text.itertext()) for text in ElementTree.fromstring(svg).iter())


@pytest.mark.parametrize("size", [0, 1, 3, 11, 50, 1400])
def test_any_number_of_iterations_gives_a_picture_with_a_description(size: int) -> None:
    for shown, svg in drawn(size):
        root = ElementTree.fromstring(svg)
        assert root.attrib["aria-label"] == shown.label != ""


FINITE = st.floats(-1e15, 1e15) | st.sampled_from((0.0, 5e-324, 1e15, -1e15))


@settings(max_examples=5, deadline=None)
@given(values=st.lists(st.tuples(FINITE, FINITE), max_size=3))
def test_any_finite_value_can_be_drawn(values: list[tuple[float, float]]) -> None:
    pairs = [Measured(low, min(low, high), max(low, high)) for low, high in values]
    numbers = range(len(pairs))
    rates = [pair.value for pair in pairs]
    for shown in (
        progress(
            Progress([Iteration(n, KINDS[n + 1], pairs[n], pairs[n], rates[n]) for n in numbers])
        ),
        pareto(Pareto([Standing("a", KINDS[n], pairs[n], rates[n], rates[n]) for n in numbers])),
        gains(Gains([CandidateGain(n, "a", KINDS[n], pairs[n]) for n in numbers], min_delta=1)),
        heat_map(HeatMap(["b"], [TaskRates("a", "c", rate, [-rate / 2]) for rate in rates])),
        distribution(Distribution(Spread("a", rates), Spread("b", [0.0]))),
        paired_bars(by_area([Pair("a", pair, pair) for pair in pairs], simulated=False)),
        spending(Spending([RoleCost("a", abs(rate), abs(rate)) for rate in rates])),
        noise(Noise([Pass("a", rate, 1, 2) for rate in rates], half=1.0)),
    ):
        assert "nan" not in shown.svg("p")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), 1e16])
def test_what_no_axis_can_show_is_refused(value: float) -> None:
    for refused in (
        lambda: Measured(value),
        lambda: Measured(0, 0, value),
        lambda: Standing("a", DecisionKind.ORPHAN, Measured(1), value),
        lambda: TaskRates("a", "b", value, ()),
        lambda: RoleCost("a", value),
        lambda: Gains((), value),
    ):
        with pytest.raises(ValueError, match="finite number"):
            refused()


def test_half_an_interval_or_one_upside_down_is_refused() -> None:
    with pytest.raises(ValueError, match="both or none"):
        Measured(1.0, low=0.5)
    with pytest.raises(ValueError, match="low to high"):
        Measured(1.0, 2.0, 0.5)


def test_hostile_names_are_shown_as_short_text() -> None:
    for shown in Sample(len(HOSTILE), HOSTILE).plots():
        svg = shown.svg("p")
        root = ElementTree.fromstring(svg)
        assert {element.tag.rpartition("}")[2] for element in root.iter()} <= {
            "svg", "g", "path", "use", "text", "defs", "clipPath", "rect", "pattern", "a", "title",
        }  # fmt: skip
        assert not [name for each in root.iter() for name in each.attrib if name.startswith("on")]
        assert all(sign.isprintable() for sign in text_of(svg))
        assert "x" * 100 not in svg.replace("x" * 297, "")  # but for the whole name of a tree's row
        assert shown.png(40).startswith(b"\x89PNG")


def test_letters_that_the_font_lacks_are_left_to_the_reader_s_fonts() -> None:
    name = "\u5408\u540c\u5be9\u67fb \u2801 $5"
    shown = gains(Gains([CandidateGain(1, name, DecisionKind.ORPHAN, measured(1))], 1))
    assert f"1 {name}" in text_of(shown.svg("p")).replace("  ", " ")


@given(st.text(max_size=60), st.integers(1, 50))
def test_a_name_is_one_printable_line_of_a_limited_length(text: str, longest: int) -> None:
    line = plain(text, longest)
    assert len(line) <= longest
    assert line.isprintable()
    assert bool(line) == bool(text)


def test_equal_values_give_equal_bytes() -> None:
    for place, (again, (_, svg)) in enumerate(zip(Sample(3).plots(), drawn(3), strict=True)):
        assert again.svg(f"plot{place}") == svg
    assert Sample(7).progress().png(50) == Sample(7).progress().png(50)


def test_nothing_of_a_plot_reaches_outside_of_it() -> None:
    for place, (_, svg) in enumerate(drawn(11)):
        assert svg.count("http") == 1  # the namespace
        for unwanted in ("<style", "style=", "<script", "<?xml", "<!DOCTYPE", "<image", "metadata"):
            assert unwanted not in svg
        ids = re.findall(r'\bid="([^"]*)"', svg)
        assert len(set(ids)) == len(ids)
        assert all(name.startswith(f"plot{place}-") for name in ids)
        referred = re.findall(r'(?:url\(#|href="#)(plot[^")]*)', svg)
        assert set(referred) <= set(ids)


def test_an_odd_prefix_is_refused() -> None:
    for prefix in ("", "1a", 'a"', "a b", "<"):
        with pytest.raises(ValueError, match="prefix"):
            Sample(3).progress().svg(prefix)


def test_text_is_text_in_the_colour_of_the_page() -> None:
    for shown, svg in drawn(11):
        assert "currentColor" in svg
        assert not re.search(r"#1a1b1c|#6b6c6d|#d8d9da|#fefefd", svg)
        assert shown.title in text_of(svg)


def test_a_simulated_run_says_so_in_every_plot() -> None:
    for size in (0, 3):
        for shown, svg in drawn(size, simulated=True):
            assert "SIMULATED" in text_of(svg)
            assert shown.label.startswith("Simulated run.")
        for _, svg in drawn(size):
            assert "imulated" not in svg.replace("SIMULATED", "imulated")


def test_without_data_a_sentence_says_what_is_missing() -> None:
    for _, svg in drawn(0):
        assert re.search(r"\b(No|Nothing)\b.*\.", text_of(svg))


def test_missing_intervals_are_said() -> None:
    scores = [measured(61), Measured(62), Measured(63)]
    shown = [Iteration(n, DecisionKind.ORPHAN, score, None) for n, score in enumerate(scores)]
    assert "2 of 3 values have none" in text_of(progress(Progress(shown)).svg("p"))
    assert "No interval is known" in text_of(progress(Progress(shown[1:])).svg("p"))


def test_every_plot_says_of_what_its_intervals_are() -> None:
    some = measured(61)
    groups = [Pair("a", some, some)]
    errors = by_error(groups, unit="failed criteria", simulated=False)
    noise_alone = (
        progress(Progress([Iteration(1, DecisionKind.ORPHAN, some, some)])),
        gains(Gains([CandidateGain(1, "a", DecisionKind.ORPHAN, some)], min_delta=1)),
        pareto(Pareto([Standing("a", DecisionKind.ORPHAN, some, 1.0)])),
        distribution(Distribution(Spread("a", [61.0], some), Spread("b", [61.0], some))),
        paired_bars(by_area(groups, simulated=False)),
    )
    for shown in noise_alone:
        said = text_of(shown.svg("p"))
        assert "Lines are 95 % intervals of trial noise on these tasks." in said
    said = text_of(paired_bars(errors).svg("p"))
    assert "Lines are 95 % intervals for other tasks of the kind." in said


@pytest.mark.parametrize(("size", "most"), [(50, 60_000), (1400, 300_000)])
def test_plots_stay_small(size: int, most: int) -> None:
    for shown, svg in drawn(size):
        if "Tasks" not in shown.title:  # grows with tasks, not with iterations
            assert len(svg) < most, shown.title


def test_rows_of_a_heat_map_can_be_told_apart_whatever_the_tasks_are_called() -> None:
    beginning, end = "draft-an-answer-to-", "-interrogatories-in-a-commercial-dispute"
    tasks = [
        TaskRates(f"area/{beginning}{word}{end}", "area", 50, [60.0])
        for word in ("first", "second")
    ]
    words = text_of(heat_map(HeatMap(["one"], tasks)).svg("p"))
    assert "1. " in words
    assert "2. " in words


def test_a_heat_map_of_a_hundred_tasks_has_each_of_them_under_its_area() -> None:
    areas = [f"area {n}" for n in range(10)]
    tasks = [TaskRates(f"task-{n}", areas[n % 10], 50, [60.0, None]) for n in range(100)]
    svg = heat_map(HeatMap(["one", "two"], tasks)).svg("p")
    words = re.findall(r"task-\d+|area \d+", text_of(svg))
    assert len(set(words)) == 110
    start = words.index("area 3")
    assert set(words[start + 1 : start + 11]) == {f"task-{n}" for n in range(3, 100, 10)}
    assert len(svg) < 120_000


LONG_AREA = "arbitration-international-dispute-resolution"


def rows_of(*tasks: tuple[str, str]) -> list[str]:
    """What a heat map of tasks and their areas names, the headings of its columns left out."""
    shown = HeatMap(["one"], [TaskRates(task, area, 50, [60.0]) for task, area in tasks])
    root = ElementTree.fromstring(heat_map(shown).svg("p"))
    return [text.text or "" for text in root.iter() if text.tag.endswith("text")]


def test_the_row_of_a_task_keeps_its_name_and_the_area_stands_whole_beside_it() -> None:
    rows = rows_of((f"{LONG_AREA}/award-yewminster-c9f5d5", LONG_AREA), ("tax/fees-1", "tax"))
    assert {"award-yewminster-c9f5d5", LONG_AREA, "fees-1", "tax"} < set(rows)


def test_the_row_of_a_task_below_its_area_does_not_say_that_again() -> None:
    rows = rows_of(*((f"{LONG_AREA}/award-{n}", LONG_AREA) for n in (1, 2)), *TWO_OF_TAX)
    assert {LONG_AREA, "award-1", "award-2", "tax", "fees-1", "fees-2"} < set(rows)


TWO_OF_TAX = (("tax/fees-1", "tax"), ("tax/fees-2", "tax"))
ALIKE = "a-long-name-that-both-tasks-of-this-folder-have"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("tax/first/fees", "tax/second/fees"),
        (f"tax/{ALIKE}-1", f"tax/{ALIKE}-2"),
        (f"tax/{ALIKE}-1-of-a-long-series", f"tax/{ALIKE}-2-of-a-long-series"),
        (f"tax/1/{ALIKE}", f"tax/2/{ALIKE}"),
    ],
)
def test_rows_of_two_tasks_can_be_told_apart(one: str, other: str) -> None:
    for tasks in (((one, "tax"), (other, "tax")), ((one, "tax"), (other, "tax"), ("b/c", "b"))):
        rows = rows_of(*tasks)
        assert len([row for row in rows if "fees" in row or "a-long" in row]) == 2
        named = {row for row in rows if "fees" in row or "a-long" in row}
        assert len(named) == 2
        assert all(len(row) <= LONGEST_NAME for row in named)


@given(st.floats(-2, 2))
def test_a_difference_and_its_opposite_have_colours_of_opposite_sides(share: float) -> None:
    red, blue = (int(step_of(share)[place : place + 2], 16) for place in (1, 5))
    assert (red < blue) == (step_of(share) == step_of(abs(share))) or red == blue
    assert readable_on(step_of(share)) in {"#111111", "#ffffff"}


POINTS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), max_size=12)


@given(POINTS)
def test_a_point_is_dominated_where_another_is_no_worse_and_somewhere_better(
    points: list[tuple[int, int]],
) -> None:
    def beaten(rate: int, cost: int) -> bool:
        return any(
            other >= rate and price <= cost and (other, price) != (rate, cost)
            for other, price in points
        )

    assert undominated(points) == [not beaten(*point) for point in points]


def test_labels_of_a_crowd_do_not_lie_over_each_other() -> None:
    crowd = [
        Standing(f"mechanism_number_{n}", DecisionKind.PROMOTED, Measured(70 + n / 10), 1e6 + n)
        for n in range(7)
    ]
    root = ElementTree.fromstring(pareto(Pareto(crowd)).svg("p"))
    heights = sorted(
        float(text.attrib["y"]) for text in root.iter() if "mechanism" in (text.text or "")
    )
    assert len(heights) >= 3
    assert len(set(heights)) == len(heights)


@pytest.mark.parametrize("last", [60_000, 42_000])
def test_the_pareto_frontier_runs_through_no_label(last: int) -> None:
    standings = [
        Standing("short_tool_results", DecisionKind.ORPHAN, Measured(71), 33_000),
        Standing("baseline", DecisionKind.BASELINE, Measured(78), 40_000),
        Standing("outline", DecisionKind.PROMOTED, Measured(85), last, incumbent=True),
    ]
    root = ElementTree.fromstring(pareto(Pareto(standings)).svg("p"))
    blue = [each for each in root.iter() if "plot-blue" in each.get("stroke", "")]
    (line,) = (found for each in blue if (found := each.get("d", "")).count(" L ") == 4)
    corners = [tuple(map(float, corner.split())) for corner in line[2:].split(" L ")]
    labels = [text for text in root.iter() if text.get("font-size") == "7px" and text.get("x")]
    named = [text for text in labels if text.text in {one.name for one in standings}]
    assert len(named) == len(standings)
    for text in named:
        left, low = text_start(text), float(text.attrib["y"])
        for (x, y), (next_x, next_y) in pairwise(corners):
            beside = max(x, next_x) < left or left + width_of(text) < min(x, next_x)
            apart = max(y, next_y) < low - 5 or low < min(y, next_y)
            assert beside or apart, text.text


def width_of(text: ElementTree.Element) -> float:
    """At least so many pixels."""
    return 3.5 * len(text.text or "")


def text_start(text: ElementTree.Element) -> float:
    shares = {"start": 0.0, "middle": 0.5, "end": 1.0}
    share = shares[text.get("text-anchor", "start")]
    return float(text.attrib["x"]) - share * width_of(text)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: HeatMap(["a"], [TaskRates("t", "b", 1, [])]),
        lambda: Spending([RoleCost("a", 1)], [IterationCost(1, [1, 2])]),
        lambda: Mixes(["a"], [Mix("b", [])]),
        lambda: Mix("b", [-1]),
        lambda: Lineage([Candidate(1, "a", DecisionKind.ORPHAN)] * 2),
    ],
)
def test_values_that_do_not_fit_together_are_refused(wrong: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match="found"):
        wrong()


def test_a_png_is_of_the_asked_resolution_on_white() -> None:
    image = Image.open(BytesIO(Sample(9).progress().png(100)))
    assert image.width == 760
    assert min(image.convert("RGB").getpixel((1, 1))) >= 250  # type: ignore[type-var,arg-type]


def test_a_number_without_a_difference_has_no_sign() -> None:
    assert [signed(value) for value in (1.25, -0.04, 0.0, -1.26)] == [
        "+1.2", "0.0", "0.0", "\N{MINUS SIGN}1.3",
    ]  # fmt: skip


def test_drawing_leaves_matplotlib_s_settings_as_they_were() -> None:
    import matplotlib

    before = dict(matplotlib.rcParams)
    Sample(3).progress().svg("p")
    assert dict(matplotlib.rcParams) == before


def test_matplotlib_is_imported_only_to_draw() -> None:
    code = (
        "import sys, meta_harness; "
        "from harness_search.plots import gates, pairs, pareto, progress, tree; print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"matplotlib", "numpy"} & set(done.stdout.split())
