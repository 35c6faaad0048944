"""What the bot says of itself."""

import contextlib
import io
import json
import unittest

from rocket_matrix.telemetry import SYNC_AGE_MAX, Telemetry, fault, log


class Health(unittest.TestCase):
    def test_by_the_last_sync(self) -> None:
        now = [1000.0]
        telemetry = Telemetry(lambda: now[0])
        self.assertEqual(telemetry.health()[1]["status"], "starting")
        telemetry.synced()
        self.assertEqual(telemetry.health(), (True, {"status": "ok", "sync_age_s": 0.0}))
        now[0] += SYNC_AGE_MAX
        self.assertTrue(telemetry.health()[0])
        now[0] += 1
        well, told = telemetry.health()
        self.assertFalse(well)
        self.assertEqual(told, {"status": "cut off", "reason": "no sync for 91 s"})
        telemetry.synced()
        self.assertTrue(telemetry.health()[0])

    def test_the_page_has_what_the_document_names(self) -> None:
        telemetry = Telemetry()
        telemetry.messages.labels("infer").inc()
        page = telemetry.page().decode()
        for name in (
            "messages_total",
            "first_text_seconds_bucket",
            "rate_limit_waits_total",
            "rate_limit_wait_seconds_total",
            "edits_total",
            "sync_failures_total",
            "running",
            "waiting",
            "jobs",
            "sync_age_seconds",
        ):
            self.assertRegex(page, rf"(?m)^rocket_matrix_{name}[ {{]", name)


class Log(unittest.TestCase):
    def test_one_line_whatever_comes(self) -> None:
        err = io.StringIO()
        with contextlib.redirect_stderr(err):
            log("refused", user='@a:b\n{"event": "fake"}', code=None)
        (line,) = err.getvalue().splitlines()
        self.assertEqual(json.loads(line)["user"], '@a:b\n{"event": "fake"}')

    def test_an_error_is_told_by_its_kind_and_place(self) -> None:
        try:
            "what somebody said \ud83d".encode()
        except UnicodeEncodeError as error:
            self.assertRegex(fault(error), r"^UnicodeEncodeError telemetry_test\.py:\d+$")
        try:
            json.loads("what somebody said")
        except ValueError as error:
            told = fault(error)
        self.assertRegex(told, r"^JSONDecodeError telemetry_test\.py:\d+ decoder\.py:\d+$")
        self.assertEqual(fault(KeyError("what somebody said")), "KeyError")


if __name__ == "__main__":
    unittest.main()
