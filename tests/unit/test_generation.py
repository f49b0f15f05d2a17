"""Positions and snapshots of one generation of the logs among those of all."""

from ingest.topics import Layout
from rules.generation import GenerationDesk


class Positions:
    """A desk's positions, by lane and number."""

    def __init__(self) -> None:
        self.known: dict[tuple[str, int], int] = {}

    def applied(self, lane, partition):
        return self.known.get((lane, partition), 0)

    def apply(self, lane, partition, expected, position, effects):
        self.known[lane, partition] = position

    def positions(self, lane):
        return {number: at for (name, number), at in self.known.items() if name == lane}


def test_generations_share_a_desk_and_no_position():
    """Partition 3 of the first and of the second generation move apart; the first's number is its partition."""
    desk = Positions()
    first, second = GenerationDesk(desk, Layout("s", 1, 4)), GenerationDesk(desk, Layout("s", 2, 8))

    first.apply("live", 3, 0, 70, ())
    second.apply("live", 3, 0, 5, ())
    second.apply("live", 7, 0, 6, ())

    assert desk.known[("live", 3)] == 70
    assert (first.applied("live", 3), second.applied("live", 3)) == (70, 5)
    assert first.positions("live") == {3: 70}
    assert second.positions("live") == {3: 5, 7: 6}
