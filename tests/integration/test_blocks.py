"""Batches whose lines others give out, in blocks: `rocket batch block` and the admin port behind
it, without Ray."""

import json
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from harness import batches, uploads
from harness.fake import Fake
from harness.gateway import Gateway, UnixConnection, backend, binary
from harness.program import Program
from harness.waiting import wait_until

Rocket = Callable[..., Gateway]
Fakes = Callable[..., Fake]


class Desk:
    """A gateway with its admin port on a Unix socket, as a replica of Ray's has it."""

    def __init__(self, rocket: Rocket, url: str, folder: Path, *, name: str = "one", **more):
        self.folder = folder / name
        self.folder.mkdir(mode=0o700)
        self.socket = self.folder / "admin.sock"
        settings = {"engine": "ray", **more.pop("batch", {})}
        self.gateway = rocket(
            {
                "backends": [backend("a", url), *more.pop("more_backends", [])],
                "store": {"path": str(folder / "store")},
                "admin": f"unix:{self.socket}",
                "batch": settings,
                **more,
            }
        )

    def admin(self, method: str, path: str, body: dict | None = None) -> tuple[int, str]:
        with closing(UnixConnection(self.socket)) as connection:
            headers = {"content-type": "application/json"}
            connection.request(method, path, json.dumps(body) if body else None, headers)
            response = connection.getresponse()
            return response.status, response.read().decode()

    def told(self, batch: str, driver: int = 1, cluster: str = "here") -> dict:
        """What a driver is that asks what has no result yet."""
        asked = {"driver": driver, "cluster": cluster}
        status, text = self.admin("POST", f"/batches/{batch}", asked)
        assert status == 200, text
        return json.loads(text)

    def unfinished(self, batch: str, driver: int = 1) -> list[list[int]]:
        return self.told(batch, driver)["unfinished"]

    def block(
        self, batch: str, start: int, stop: int, driver: int = 1, cluster: str = "here"
    ) -> Program:
        argv = [binary(), "batch", "block", "--admin", f"unix:{self.socket}", "--batch", batch]
        argv += ["--from", str(start), "--to", str(stop), "--driver", str(driver)]
        return Program([*argv, "--cluster", cluster], self.folder)

    def metric(self, name: str) -> dict[str, float]:
        _, text = self.admin("GET", "/metrics")
        lines = [line for line in text.splitlines() if line.startswith(name)]
        return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines}

    def begun(self, text: str) -> str:
        """A batch that is in progress; its id."""
        batch = batches.make(self.gateway, text)
        wait_until(
            "it is in progress",
            lambda: batches.get(self.gateway, batch)["status"] == "in_progress",
        )
        return batch


def end_of(block: Program) -> str:
    """What it has said last; every second before, that it is asked."""
    *before, last = block.out().splitlines()
    assert set(before) <= {"asking"}, before
    return last


def last_word(block: Program) -> str:
    return (block.out().splitlines() or [""])[-1]


@pytest.fixture
def desk(rocket: Rocket, fake: Fakes, tmp_path: Path) -> Desk:
    return Desk(rocket, fake().url, tmp_path, batch={"lines_in_flight": 8})


def test_its_lines_are_asked_in_blocks_and_not_before(
    rocket: Rocket, fake: Fakes, tmp_path: Path
) -> None:
    upstream = fake()
    desk = Desk(rocket, upstream.url, tmp_path)
    batch = desk.begun("\ufeff" + batches.lines(100))
    assert desk.unfinished(batch) == [[0, 100]]
    waiting = batches.get(desk.gateway, batch)
    assert waiting["request_counts"]["completed"] == 0
    first = desk.block(batch, 20, 60)
    assert first.wait(20) == 0, first.err()
    assert end_of(first) == "done"
    assert desk.unfinished(batch) == [[0, 20], [60, 100]]
    assert batches.get(desk.gateway, batch)["request_counts"]["completed"] == 40
    others = [desk.block(batch, 0, 30), desk.block(batch, 50, 100)]
    assert [each.wait(20) for each in others] == [0, 0]
    ended = batches.wait_ended(desk.gateway, batch)
    assert ended["status"] == "completed" and ended["_engine"] == {"name": "ray"}
    assert ended["request_counts"] == {"total": 100, "completed": 100, "failed": 0}
    found = batches.results(desk.gateway, ended["output_file_id"])
    assert [each["custom_id"] for each in found] == [f"line-{i}" for i in range(100)]
    assert desk.metric("rocket_batch_lines_total") == {
        'rocket_batch_lines_total{result="done"}': 100.0,
        'rocket_batch_lines_total{result="failed"}': 0.0,
    }
    assert desk.metric("rocket_batches_ended_total") == {
        'rocket_batches_ended_total{status="completed"}': 1.0
    }
    # What had a result was not asked again.
    desk.gateway.finish()
    assert upstream.stop()["requests"] == 100


def test_a_batch_may_say_who_asks_its_lines(rocket: Rocket, fake: Fakes, tmp_path: Path) -> None:
    desk = Desk(rocket, fake().url, tmp_path)
    local = batches.make(desk.gateway, batches.lines(5), engine="local")
    assert "_engine" not in batches.wait_ended(desk.gateway, local)
    refused = batches.create(desk.gateway, "file-1", engine="spark")
    assert refused.status == 400 and "engine" in refused.json()["error"]["message"]
    status, text = desk.admin("POST", f"/batches/{local}", {"driver": 1})
    assert status == 404 and json.loads(text)["error"]["code"] == "batch_not_found"


def test_its_status_says_whether_ray_is_there(desk: Desk) -> None:
    batch = desk.begun(batches.lines(5))

    def engine() -> dict:
        return batches.get(desk.gateway, batch)["_engine"]

    assert engine()["state"] == "paused" and "nobody" in engine()["reason"]
    assert desk.admin("POST", "/ray", {"there": True})[0] == 200
    assert engine() == {"name": "ray", "state": "running", "reason": None}
    assert desk.admin("POST", "/ray", {"there": False})[0] == 200
    assert engine() == {"name": "ray", "state": "paused", "reason": "Ray does not answer"}
    status, text = desk.admin("GET", "/batches")
    assert status == 200
    assert json.loads(text)["batches"] == [
        {"id": batch, "status": "in_progress", "total": 5, "completed": 0, "failed": 0}
    ]


def test_who_is_killed_takes_the_block_along_and_loses_no_answer(desk: Desk) -> None:
    batch = desk.begun(batches.lines(200, head_delay_ms=50))
    child = desk.block(batch, 0, 200)
    wait_until("some are done", lambda: desk.unfinished(batch) != [[0, 200]])
    child.kill()
    wait_until("nothing is asked any more", lambda: in_flight(desk) == 0)
    left = desk.unfinished(batch)
    again = desk.block(batch, left[0][0], 200)
    assert again.wait(30) == 0, again.err()
    assert batches.wait_ended(desk.gateway, batch)["request_counts"]["completed"] == 200


def test_a_block_whose_model_refuses_says_that_it_waits(
    rocket: Rocket, fake: Fakes, tmp_path: Path
) -> None:
    upstream, throttled = fake(), fake(models=["slow"], fault="status_429", fault_on_signal=True)
    throttled.switch_fault()
    desk = Desk(
        rocket,
        upstream.url,
        tmp_path,
        more_backends=[backend("b", throttled.url)],
        batch={"attempts": 1000, "backoff": "100ms", "backoff_max": "500ms"},
    )
    text = batches.lines(20).replace('"m"', '"slow"')
    batch = desk.begun(text + batches.lines(40).replace("line-", "quick-"))
    assert desk.told(batch)["models"] == [20]
    first = desk.block(batch, 0, 20)
    wait_until("it waits", lambda: last_word(first) == "waiting", 20)
    second = desk.block(batch, 20, 60)
    assert second.wait(20) == 0 and end_of(second) == "done"
    assert last_word(first) == "waiting"
    throttled.switch_fault()
    assert first.wait(20) == 0 and last_word(first) == "done"
    ended = batches.wait_ended(desk.gateway, batch)
    assert ended["request_counts"] == {"total": 60, "completed": 60, "failed": 0}


def test_cancelling_ends_the_blocks(desk: Desk) -> None:
    batch = desk.begun(batches.lines(100, head_delay_ms=3000))
    child = desk.block(batch, 0, 100)
    wait_until("they are asked", lambda: in_flight(desk) == 8)
    assert desk.metric("rocket_batch_lines_in_flight") == {"rocket_batch_lines_in_flight": 8.0}
    assert desk.gateway.call("POST", f"/v1/batches/{batch}/cancel").status == 200
    assert child.wait(10) == 1
    assert end_of(child) == "ended"
    assert batches.wait_ended(desk.gateway, batch)["status"] == "cancelled"
    assert in_flight(desk) == 0
    late = desk.block(batch, 0, 100)
    assert late.wait(10) == 1 and "batch_not_found" in late.err()


def in_flight(desk: Desk) -> float:
    return sum(desk.metric("rocket_in_flight").values())


def test_a_newer_driver_is_obeyed(desk: Desk) -> None:
    batch = desk.begun(batches.lines(50, head_delay_ms=300))
    old = desk.block(batch, 0, 50, driver=1)
    wait_until("they are asked", lambda: in_flight(desk) == 8)
    desk.unfinished(batch, driver=2)
    assert old.wait(10) == 1
    assert end_of(old) == "replaced"
    late = desk.block(batch, 0, 50, driver=1)
    assert late.wait(10) == 1 and end_of(late) == "replaced"
    new = desk.block(batch, 0, 50, driver=2)
    assert new.wait(30) == 0, new.err()


def test_two_gateways_of_one_store_share_a_batch(
    rocket: Rocket, fake: Fakes, tmp_path: Path
) -> None:
    upstream = fake()
    one = Desk(rocket, upstream.url, tmp_path)
    other = Desk(rocket, upstream.url, tmp_path, name="other")
    batch = one.begun(batches.lines(200))
    both = [one.block(batch, 0, 100), other.block(batch, 100, 200)]
    assert [each.wait(30) for each in both] == [0, 0]
    assert batches.wait_ended(other.gateway, batch)["request_counts"]["completed"] == 200
    assert (
        other.metric("rocket_batch_lines_total")['rocket_batch_lines_total{result="done"}'] == 100
    )
    one.gateway.finish()
    other.gateway.finish()
    assert upstream.stop()["requests"] == 200


def test_of_two_clusters_over_one_store_one_has_the_batch(
    rocket: Rocket, fake: Fakes, tmp_path: Path
) -> None:
    upstream = fake()
    settings = {"lines_in_flight": 8}
    one = Desk(rocket, upstream.url, tmp_path, batch=settings)
    other = Desk(rocket, upstream.url, tmp_path, name="other", batch=settings)
    batch = one.begun(batches.lines(40, head_delay_ms=500))
    assert "cluster" not in json.loads(other.admin("GET", "/batches")[1])["batches"][0]
    mine = one.block(batch, 0, 40)
    wait_until("they are asked", lambda: in_flight(one) == 8)
    assert json.loads(other.admin("GET", "/batches")[1])["batches"][0]["cluster"] == "here"
    theirs = other.told(batch, cluster="there")
    assert theirs == {"id": batch, "total": 40, "taken": True}
    late = other.block(batch, 0, 40, cluster="there")
    assert late.wait(10) == 1 and end_of(late) == "replaced"
    mine.kill()
    wait_until("it is free", lambda: "unfinished" in other.told(batch, cluster="there"), 10)
    back = one.block(batch, 0, 40)
    assert back.wait(10) == 1 and end_of(back) == "replaced"
    rest = other.block(batch, 0, 40, cluster="there")
    assert rest.wait(30) == 0, rest.err()
    assert batches.wait_ended(other.gateway, batch)["request_counts"]["completed"] == 40
    one.gateway.finish()
    other.gateway.finish()
    assert upstream.stop()["requests"] <= 40 + 8, "only what was under way when it died"


def test_a_gateway_that_drains_gives_its_block_back(desk: Desk) -> None:
    batch = desk.begun(batches.lines(100, head_delay_ms=200))
    child = desk.block(batch, 0, 100)
    wait_until("they are asked", lambda: in_flight(desk) == 8)
    desk.gateway.finish()
    assert child.wait(10) == 3


def test_what_is_no_block_is_refused(desk: Desk) -> None:
    batch = desk.begun(batches.lines(10))
    cases = [
        ({"driver": 1, "from": 0, "to": 11}, 400),
        ({"driver": 1, "from": 3, "to": 3}, 400),
        ({"from": 0, "to": 3}, 400),
    ]
    for body, status in cases:
        assert desk.admin("POST", f"/batches/{batch}", body)[0] == status, body
    with closing(UnixConnection(desk.socket)) as connection:
        connection.request("POST", f"/batches/{batch}", b'{"driver": 1}')
        assert connection.getresponse().status == 415
    child = desk.block(batch, 0, 11)
    assert child.wait(10) == 1 and "at most 10" in child.err()
    gone = desk.block("batch_" + "0" * 32, 0, 1)
    assert gone.wait(10) == 1 and "batch_not_found" in gone.err()
    # Of the data port no path leads there.
    assert desk.gateway.call("POST", "/ray", {"there": True}).status == 404
    desk.gateway.finish()
    nobody = desk.block(batch, 0, 10)
    assert nobody.wait(10) == 3


def test_nothing_is_kept_where_the_store_is_off(
    rocket: Rocket, fake: Fakes, tmp_path: Path
) -> None:
    gateway = rocket(
        {
            "backends": [backend("a", fake().url)],
            "store": {"on": False, "path": str(tmp_path / "store")},
        }
    )
    answers = [
        gateway.call("GET", "/v1/files"),
        gateway.call("GET", "/v1/batches"),
        gateway.call("GET", "/v1/files/file-1"),
        gateway.call("GET", "/v1/batches/batch_1"),
        batches.create(gateway, "file-1"),
        uploads.upload(gateway, b"{}\n"),
    ]
    for answer in answers:
        assert answer.status == 501, answer
        assert answer.json()["error"]["code"] == "store_off"
        assert "store.on" in answer.json()["error"]["message"]
    assert gateway.chat({"model": "m", "messages": batches.HI}).status == 200
    assert not (tmp_path / "store").exists()
