import http.server
import json
import threading
import unittest
from unittest.mock import patch

from rocket_ray.batch_jobs import Job, Nodes
from rocket_ray.jobs_client import JobsClient, RayAway, token


class Dashboard(http.server.BaseHTTPRequestHandler):
    """Says what it is told to, and notes what it is asked."""

    answer: tuple[int, object] = (200, {})
    asked: list[tuple[str, str, object, str | None]] = []

    def handle_any(self) -> None:
        text = self.rfile.read(int(self.headers.get("content-length") or 0))
        body = json.loads(text) if text else None
        self.asked.append((self.command, self.path, body, self.headers.get("authorization")))
        status, said = self.answer
        sent = said.encode() if isinstance(said, str) else json.dumps(said).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(sent)))
        self.end_headers()
        self.wfile.write(sent)

    do_GET = do_POST = do_DELETE = handle_any

    def log_message(self, *_) -> None:
        pass


class JobsClientTest(unittest.TestCase):
    def setUp(self) -> None:
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Dashboard)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        Dashboard.asked = []
        self.client = JobsClient(f"http://127.0.0.1:{server.server_port}")
        patched = patch.dict("os.environ", {"RAY_AUTH_TOKEN": "secret"})
        patched.start()
        self.addCleanup(patched.stop)

    def test_jobs_are_read_as_ray_tells_them(self) -> None:
        Dashboard.answer = (200, [
            {"submission_id": "a-1", "status": "FAILED", "start_time": 1500, "end_time": 2500},
            {"submission_id": None, "status": "RUNNING", "start_time": 1000, "end_time": None,
             "driver_node_id": "abc"},
        ])  # fmt: skip
        self.assertEqual(
            self.client.jobs(),
            [Job("a-1", "FAILED", 1.5, 2.5), Job("", "RUNNING", 1.0, 0.0, "abc")],
        )
        self.assertEqual(Dashboard.asked, [("GET", "/api/jobs/", None, "Bearer secret")])

    def test_nodes_that_live(self) -> None:
        rows = [
            {"node_id": "a", "state": "ALIVE", "is_head_node": True, "start_time_ms": 2500},
            {"node_id": "b", "state": "ALIVE", "is_head_node": False, "start_time_ms": 9000},
            {"node_id": "c", "state": "DEAD", "is_head_node": True, "start_time_ms": 9000},
        ]
        Dashboard.answer = (200, {"result": True, "data": {"result": {"result": rows}}})
        self.assertEqual(self.client.nodes(), Nodes(frozenset({"a", "b"}), 2.5))
        self.assertEqual(Dashboard.asked[0][:2], ("GET", "/api/v0/nodes?limit=10000&detail=1"))
        Dashboard.answer = (200, {"result": False, "msg": "no", "data": {"result": None}})
        with self.assertRaises(RayAway):
            self.client.nodes()

    def test_a_job_is_submitted_once(self) -> None:
        Dashboard.answer = (200, {"submission_id": "a-1"})
        self.assertTrue(self.client.submit("a-1", "python -m x"))
        body = {"submission_id": "a-1", "entrypoint": "python -m x"}
        self.assertEqual(Dashboard.asked, [("POST", "/api/jobs/", body, "Bearer secret")])
        Dashboard.answer = (500, "ValueError: Job with submission_id a-1 already exists. Please")
        self.assertFalse(self.client.submit("a-1", "python -m x"))

    def test_what_is_no_answer_of_ray_s_is_ray_being_away(self) -> None:
        for answer in ((503, "no"), (401, "Unauthorized"), (500, "ValueError: something else")):
            Dashboard.answer = answer
            with self.assertRaises(RayAway):
                self.client.jobs()
            with self.assertRaises(RayAway):
                self.client.submit("a-1", "python -m x")
        with self.assertRaises(RayAway):
            JobsClient("http://127.0.0.1:1").version()

    def test_what_is_no_answer_of_ray_s_may_be_200(self) -> None:
        for answer in ("<html>", ["x"], {"x": 1}, [{"start_time": "now"}], 3, None):
            Dashboard.answer = (200, answer)
            for call in (self.client.jobs, self.client.nodes):
                with self.subTest(answer), self.assertRaises(RayAway):
                    call()
        for answer in ("<html>", ["x"], 3):
            Dashboard.answer = (200, answer)
            with self.subTest(answer), self.assertRaises(RayAway):
                self.client.version()

    def test_what_is_not_there_is_forgotten(self) -> None:
        for answer in ((200, {"deleted": True}), (404, "no such job")):
            Dashboard.answer = answer
            self.client.forget("a-1")

    def test_the_token_comes_from_where_ray_has_it(self) -> None:
        self.assertEqual(token(), "secret")
        with patch.dict("os.environ", {"RAY_AUTH_TOKEN": "", "RAY_AUTH_TOKEN_PATH": "/nowhere"}):
            self.assertEqual(token(), "")

    def test_a_token_that_is_none_is_not_repeated(self) -> None:
        for given in ("first\nsecond", "zw\u00f6lf", "a\u2028b"):
            with patch.dict("os.environ", {"RAY_AUTH_TOKEN": given}):
                with self.assertRaises(RayAway) as raised:
                    self.client.version()
                self.assertNotIn(given, str(raised.exception))
        self.assertEqual(Dashboard.asked, [])


if __name__ == "__main__":
    unittest.main()
