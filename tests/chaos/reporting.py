"""The table of what was measured."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.chaos.asking import Asked
from tests.chaos.readers import Figures
from tests.chaos.storm import Storm

_NAMES = [
    "fault", "seconds", "answers", "good %", "degraded %", "p50 ms", "p99 ms", "longest s", "p99 ms before",
    "first told s", "later told s", "told",
]  # fmt: skip


@dataclass
class Report:
    """Lines of the table, and sentences below it."""

    rows: list[list[str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(
        self,
        what: str,
        seconds: float,
        seen: Figures,
        before: Figures,
        asked: Sequence[Sequence[Asked]] = (),
    ) -> None:
        """A line: what readers saw for so long, and before; the longest that who `asked` first and later was not told,
        and how often each was told what."""
        longest = [f"{max(one.seconds for one in some):.2f}" for some in asked] or ["", ""]
        told = Counter(one.status for some in asked for one in some)
        statuses = ", ".join(f"{count} x {status}" for status, count in sorted(told.items()))
        self.rows.append(
            [what, f"{seconds:.0f}", *_list_cells(seen), f"{before.p99_ms:.1f}", *longest, statuses]
        )

    def add_storm(self, storm: Storm) -> None:
        """A line and the tally of a storm."""
        self.rows.append(
            ["storm", f"{storm.seconds:.0f}", *_list_cells(storm.load.since(storm.began)), *[""] * 4]
        )
        told = ", ".join(f"{path} {status}: {count}" for (path, status), count in sorted(storm.told.items()))
        saves = len(storm.saver.acknowledged) if storm.saver else 0
        self.notes.append(f"{len(storm.happened)} incidents; {saves} acknowledged saves; {told}.")

    def render(self) -> str:
        """The table in Markdown, and the notes."""
        ruler = ["---", *["---:"] * (len(_NAMES) - 1)]
        table = [f"| {' | '.join(cells)} |" for cells in (_NAMES, ruler, *self.rows)]
        return "\n".join([*table, "", *self.notes])


def _list_cells(seen: Figures) -> list[str]:
    return [
        str(seen.count),
        f"{100 * seen.good_share:.2f}",
        f"{100 * seen.degraded / seen.count:.0f}",
        f"{seen.p50_ms:.1f}",
        f"{seen.p99_ms:.1f}",
        f"{seen.longest_ms / 1000:.2f}",
    ]
