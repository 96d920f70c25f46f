"""Tables and plots of the notebooks."""

import math
from datetime import UTC, datetime

from matplotlib.figure import Figure

from bot.lab.bench.neutral import BenchArchive, Doc
from bot.lab.curves import Curve, Point, curves_figure
from bot.lab.dissection import search_warning
from bot.lab.notebook_agent import split_archive
from bot.lab.plots import bars_figure, chances_figure, lines_figure, schedule_figure, stacked_figure
from bot.lab.widgets import LONGEST, Table
from bot.pictures.canvas import png
from bot.pictures.picture_values import DARK
from graph.state.turn_state import Recall, State
from memory.models import SearchReport, SearchStatus
from memory.tuning.resampling import Estimate

HOSTILE = "<script>alert(1)</script> $x_1$ \x00\x1b[2J\u202e\n" + "字" * 500


def test_what_stands_in_a_cell_is_text() -> None:
    table = Table(("<b>", "number"), [(HOSTILE, 0.123456), (None, 7)])
    html = table._repr_html_()
    assert "<script>" not in html
    assert "<b>" not in html
    assert "&lt;script&gt;" in html
    assert "0.1235" in html
    assert not set("\x00\x1b\u202e") & set(html)
    assert max(map(len, str(table).splitlines())) < LONGEST + 20
    assert str(Table(("a", "b"), [("x", 1)])) == "a  b\nx  1"
    assert str(Table(("a",), [])) == "a"


def test_a_turn_whose_search_was_late_is_not_shown_without_a_warning() -> None:
    def state(status: SearchStatus) -> State:
        report = SearchReport(status=status, problem="no answer within 0.5 s")
        return {"messages": [], "recall": Recall(reports={"thematic": report})}

    assert search_warning(state(SearchStatus.OK)) == ""
    assert "without memory. no answer within 0.5 s" in search_warning(state(SearchStatus.LATE))
    assert "missing" in search_warning(state(SearchStatus.PARTIAL))


def test_plots_have_their_axes_named_and_can_be_drawn() -> None:
    worth = [Estimate(value=0.1, low=-0.2, high=0.4), None]
    curve = Curve(
        HOSTILE, [1.0, 0.0, 0.5], [0.3, math.nan, 0.1], [0.2, 0, 0], [0.4, 0.1, 0.2], Point(0.5, 0.1)
    )
    drawn = [
        bars_figure(["small", HOSTILE], {"ours": worth, "theirs": worth}, title="Bars", across="share"),
        lines_figure(
            [1, 2], {"held out": worth, "chosen on": [0.2, 0.9]}, title="Lines", across="day", up="share"
        ),
        lines_figure(
            [0.4], {"a": [0.1]}, title="Worth", across="x", up="y", mark=(0.5, "now"), percent=False
        ),
        curves_figure([curve, Curve("other", [0.5], [0.1])], title=HOSTILE, palette=DARK),
        schedule_figure([("prefetch", 0, 30), (HOSTILE, 30, 30)], title=HOSTILE),
        stacked_figure(["L0", "L1"], [(10, 20), (10, 0), (10, 2)], title="Tokens"),
        chances_figure([("kept", [0.9, 0.8]), ("cut", [])], 0.5, title="Chances"),
    ]
    for figure in drawn:
        assert isinstance(figure, Figure)
        assert figure.axes[0].get_xlabel()
        assert 0 < len(png(figure)) < 100_000


def test_nothing_can_be_drawn_too() -> None:
    for figure in (
        schedule_figure([], title="No node"),
        stacked_figure(["L0"], [], title="No message"),
        chances_figure([("kept", [])], 0.5, title="No memory"),
        lines_figure([0.5], {}, title="No label", across="", up=""),
    ):
        assert png(figure).startswith(b"\x89PNG")


def test_the_operating_point_is_named() -> None:
    curve = Curve("rule", [0.5], [0.1], point=Point(0.5, 0.1, "threshold 50%"))
    figure = curves_figure([curve], title="", coverage="Answered: of all", risk="Wrong: of those")
    shown = [text.get_text() for text in figure.legends[0].get_texts()]
    assert "threshold 50%: answered 50%, wrong 10.0%" in shown


def test_the_last_turns_of_an_archive_become_messages() -> None:
    at = [datetime(2026, 3, day, tzinfo=UTC) for day in (3, 1, 2, 4)]
    docs = tuple(
        Doc(id=f"{n}", text=f"user: message {n}\nassistant: reply", time=time) for n, time in enumerate(at)
    )
    archive, messages = split_archive(BenchArchive(id="a", docs=docs, queries=()), 2)
    assert [doc.id for doc in archive.docs] == ["1", "2"]
    assert messages == ["message 0", "message 3"]
