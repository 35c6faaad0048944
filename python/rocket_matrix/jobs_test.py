"""Batches as people see them."""

import json
import unittest

from rocket_matrix.jobs import (
    BadLines,
    card,
    ended,
    endpoint_of,
    lines_of,
    summary,
    without_mark,
)

RUNNING = {
    "id": "batch_1",
    "status": "in_progress",
    "in_progress_at": 100,
    "request_counts": {"total": 100, "completed": 48, "failed": 2},
    "usage": {"total_tokens": 12345},
}


class Lines(unittest.TestCase):
    def test_of_prompts(self) -> None:
        data = lines_of(["one", "zwei ü"], {"model": "m", "max_tokens": 5}, "be kind")
        lines = [json.loads(line) for line in data.splitlines()]
        self.assertEqual([line["custom_id"] for line in lines], ["line-1", "line-2"])
        self.assertEqual(lines[1]["body"]["messages"][1]["content"], "zwei ü")
        self.assertEqual(lines[0]["body"]["messages"][0]["role"], "system")
        self.assertEqual(endpoint_of(data), "/v1/chat/completions")
        self.assertEqual([line["body"]["max_tokens"] for line in lines], [5, 5])
        self.assertEqual(list(json.loads(lines_of(["x"], {}, ""))["body"]), ["messages"])

    def test_files_of_windows(self) -> None:
        data = without_mark(b'\xef\xbb\xbf{"url": "/v1/embeddings"}\r\n')
        self.assertEqual(data, b'{"url": "/v1/embeddings"}\r\n')
        self.assertEqual(endpoint_of(data), "/v1/embeddings")

    def test_files(self) -> None:
        self.assertEqual(endpoint_of(b'\n\n{"url": "/v1/embeddings"}\n'), "/v1/embeddings")
        for data in (
            b"",
            b"prompt one\n",
            b"[]",
            b"{}",
            b'{"url": "/etc/passwd"}',
            b"\xff\xfe",
            json.dumps({"url": "/v1/embeddings"}).encode("utf-16"),
            b"[" * 100_000,
        ):
            with self.assertRaises(BadLines, msg=data) as raised:
                endpoint_of(data)
            self.assertIn("custom_id", str(raised.exception))


class Cards(unittest.TestCase):
    def test_running(self) -> None:
        shown = card(RUNNING, 110)
        self.assertIn("`██████████░░░░░░░░░░` 50/100", shown)
        self.assertIn("5.0 lines/s · 10 s left · 12,345 tokens · 2 failed", shown)
        self.assertIn("`!cancel batch_1`", shown)

    def test_at_every_stage(self) -> None:
        for status in (
            "validating",
            "in_progress",
            "finalizing",
            "completed",
            "failed",
            "expired",
        ):
            for counts in (
                {},
                {"total": 3},
                {"total": 3, "completed": 3, "failed": 0},
                None,
            ):
                batch = {"id": "batch_1", "status": status, "request_counts": counts}
                self.assertIn("batch_1", card(batch, 0))
                self.assertIn("batch_1", summary(batch))
        self.assertNotIn("!cancel", card({**RUNNING, "status": "completed"}, 110))
        self.assertTrue(ended({"status": "expired"}))
        self.assertFalse(ended(RUNNING))

    def test_errors_name_their_line(self) -> None:
        errors = {"data": [{"line": 7, "message": "no\ncustom_id"}, {"message": "else"}]}
        told = summary({"id": "batch_1", "status": "failed", "errors": errors})
        self.assertIn("`batch_1` has failed: none of its lines was asked.", told)
        self.assertIn("- line 7: no custom_id", told)
        self.assertIn("- else", told)


if __name__ == "__main__":
    unittest.main()
