"""Reading tiles from rows; what they hold is tried on a real Prometheus."""

from typing import Any

import pytest

from linnet.analysis.tile_rows import TileRows
from linnet.analysis.tiles import Counts, Tile
from linnet.analysis.watch import Watch, Yardstick

WATCH = Watch("shop", "web", "web-primary", Yardstick(5, "source"))


def row(value: Any = 1, code: str = "200", **labels: str) -> dict[str, Any]:
    metric = {
        "destination_workload_namespace": "shop",
        "destination_workload": "web",
        "reporter": "source",
        "response_code": code,
        **labels,
    }
    return {"metric": metric, "value": [100, str(value)]}


def read(*rows: Any, watch: Watch = WATCH) -> Tile:
    tiles = TileRows(5)
    tiles.add_outcomes(rows)
    [reading] = tiles.read(watch, [20])
    assert reading.end == 100
    return reading.tile


@pytest.mark.parametrize(
    "garbage",
    [
        pytest.param(row("NaN"), id="no number"),
        pytest.param(row("+Inf"), id="infinity"),
        pytest.param(row("many"), id="a text"),
        pytest.param({"metric": {}}, id="a row without a value"),
        pytest.param({"metric": row()["metric"], "histogram": [100, {}]}, id="a histogram"),
        pytest.param(None, id="nothing"),
        pytest.param("web", id="a string"),
        pytest.param({"metric": None, "value": [100, "1"]}, id="a row without labels"),
    ],
)
def test_what_is_no_number_of_requests_is_no_evidence(garbage: Any) -> None:
    assert read(row(3), garbage) == Tile(Counts(3, 0), None)
    assert read(garbage) == Tile(None, None)


def test_rows_of_other_workloads_and_tiles_are_others() -> None:
    other_time = {**row(7), "value": [105, "7"]}
    assert read(row(3), row(9, destination_workload="web-2"), other_time).canary == Counts(3, 0)


def test_reporters_are_never_added_up() -> None:
    rows = [row(3, code="503"), row(4, reporter="destination"), row(5, reporter="waypoint")]
    assert read(*rows).canary == Counts(3, 3)
    other = Watch("shop", "web", "web-primary", Yardstick(5, "waypoint"))
    assert read(*rows, watch=other).canary == Counts(5, 0)


def test_a_late_scrape_is_told() -> None:
    tiles = TileRows(5)
    tiles.add_outcomes([row(3), {"metric": {"linnet_late": "1"}, "value": [100, "2"]}])
    assert tiles.late
    [reading] = tiles.read(WATCH, [20])
    assert reading.tile.canary == Counts(3, 0)


def test_durations_alone_are_no_requests() -> None:
    tiles = TileRows(5)
    tiles.add_durations([row(3, le="250"), row(3, le="+Inf")])
    [reading] = tiles.read(WATCH, [20])
    assert reading.tile == Tile(None, None)


def test_a_range_is_read_as_its_tiles_are() -> None:
    tiles = TileRows(5)
    points = [[95, "1"], [100, "2"], [110, "4"]]
    tiles.add_outcomes([{"metric": row()["metric"], "values": points}])
    readings = tiles.read(WATCH, range(19, 23))
    assert [one.end for one in readings] == [95, 100, 105, 110]
    assert [one.tile.canary for one in readings] == [Counts(1, 0), Counts(2, 0), None, Counts(4, 0)]
