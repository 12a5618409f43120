"""What is said of the processes of a run."""

from __future__ import annotations

from fmtui.runs.ranks import Rank


def test_a_process_whose_neighbour_died_lost_touch() -> None:
    neighbour = Rank(0, "here", 12, 34, "boot", state="echo", error="reset by peer")
    assert neighbour.told == "lost touch" and "lost touch" in neighbour.sentence()
    assert Rank(1, "here", 13, 34, "boot", state="killed").told == "killed"
