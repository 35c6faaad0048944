"""Plants each fault that tidy.py looks for, and what only looks like one."""

import tempfile
import unittest
from pathlib import Path
from textwrap import dedent

import tidy


def problems(files: dict[str, str]) -> list[str]:
    """What tidy says of a tree of these files, as `path:line: message`."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name, text in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(dedent(text), encoding="utf-8")
        found, _ = tidy.check(root, sorted(files))
    return [f"{problem.path}:{problem.line}: {problem.message}" for problem in found]


def said_of(path: str, text: str) -> list[str]:
    """What tidy says of one file besides that nobody includes it and that it has no test."""
    noise = ("nobody includes this header", "no header of this name", "no test of this name")
    return [line for line in problems({path: text}) if not line.endswith(noise)]


class Arrows(unittest.TestCase):
    def said(self, path: str, include: str) -> bool:
        return any("may not include" in line for line in said_of(path, f'#include "{include}"\n'))

    def test_allowed(self):
        for path, include in [
            ("gateway/wire/a.cc", "base/b.h"),
            ("gateway/wire/a.cc", "wire/b.h"),
            ("gateway/config/a.cc", "policy/b.h"),
            ("gateway/proxy/a.cc", "net/io.h"),
            ("gateway/proxy/a.cc", "telemetry/b.h"),
            ("gateway/admin/a.cc", "store/b.h"),
            ("gateway/main.cc", "admin/b.h"),
            ("gateway/main.cc", "serve.h"),
            ("gateway/testing/a.cc", "proxy/b.h"),
            ("gateway/wire/a_test.cc", "testing/b.h"),
            ("gateway/wire/a_fuzz.cc", "testing/b.h"),
            ("gateway/proxy/a_test.cc", "net/epoll_loop.h"),
        ]:
            self.assertFalse(self.said(path, include), f"{path} -> {include}")

    def test_refused(self):
        for path, include in [
            ("gateway/base/a.cc", "wire/b.h"),
            ("gateway/wire/a.cc", "schema/b.h"),
            ("gateway/policy/a.cc", "config/b.h"),
            ("gateway/net/a.cc", "proxy/b.h"),
            ("gateway/proxy/a.cc", "admin/b.h"),
            ("gateway/proxy/a.cc", "batch/b.h"),
            ("gateway/proxy/a.cc", "net/epoll_loop.h"),
            ("gateway/store/a.cc", "wire/b.h"),
            ("gateway/wire/a.cc", "testing/b.h"),
            ("gateway/main.cc", "testing/b.h"),
            ("gateway/net/a.cc", "serve.h"),
            ("gateway/wire/a.cc", "b.h"),
            ("gateway/wire/a.cc", "../base/b.h"),
            ("gateway/wire/a_test.cc", "proxy/b.h"),
        ]:
            self.assertTrue(self.said(path, include), f"{path} -> {include}")

    def test_a_new_folder_needs_a_row(self):
        self.assertEqual(
            said_of("gateway/misc/a.cc", ""), ["gateway/misc/a.cc:1: gateway/misc has no arrows"]
        )


class Bans(unittest.TestCase):
    def test_each_is_found(self):
        for path, line, message in [
            ("gateway/net/a.cc", "std::this_thread::sleep_for(1s);", "sleeping"),
            ("gateway/net/a_test.cc", "usleep(10);", "sleeping"),
            ("gateway/proxy/a.cc", "std::thread worker;", "a thread"),
            (
                "gateway/proxy/a.cc",
                "auto now = std::chrono::steady_clock::now();",
                "reading the clock",
            ),
            ("gateway/testing/a.cc", "auto now = steady_clock::now();", "reading the clock"),
            (
                "gateway/policy/a.cc",
                "auto now = std::chrono::system_clock::now();",
                "reading the clock",
            ),
            ("gateway/policy/a.cc", "auto now = time(nullptr);", "reading the clock"),
            ("gateway/proxy/a.cc", 'std::printf("x");', "printing on the data path"),
            ("gateway/wire/a.cc", 'std::cout << "x";', "printing on the data path"),
            ("gateway/base/a.cc", "int n = rand();", "an unseeded or slow random source"),
            (
                "gateway/net/a.cc",
                "std::random_device seed;",
                "a random source that differs at every run",
            ),
            ("gateway/base/a.cc", "auto* p = new Thing;", "naked new"),
            ("gateway/base/a.cc", "delete p;", "naked delete"),
            ("gateway/base/a.cc", "using namespace std;", "a whole namespace"),
            (
                "gateway/base/a.h",
                "#pragma once\nusing namespace rocket;",
                "a namespace forced on every includer",
            ),
            ("gateway/net/a.cc", "#include <boost/asio.hpp>", "Asio"),
            ("gateway/wire/a.cc", 'throw std::runtime_error("x");', "throwing on the data path"),
            ("gateway/proxy/a.cc", "std::mutex lock;", "a lock on the request path"),
            ("gateway/base/a.cc", "#define LIMIT 3", "a macro"),
            ("gateway/base/a.cc", "class PoolManager;", "a name that says nothing"),
            ("gateway/base/a.h", "int x;", "no #pragma once"),
        ]:
            said = said_of(path, line + "\n")
            self.assertEqual([text.split(": ", 1)[1] for text in said], [message], line)

    def test_what_is_not_one(self):
        for path, line in [
            ("gateway/net/a.cc", "co_await SleepUntil(timers, deadline);"),
            ("gateway/net/a.cc", "auto now = std::chrono::steady_clock::now();"),
            ("gateway/testing/fake_main.cc", "auto now = std::chrono::steady_clock::now();"),
            ("gateway/telemetry/a.cc", "std::thread writer;"),
            ("gateway/base/a.cc", "auto n = std::thread::hardware_concurrency();"),
            ("gateway/policy/a.cc", "auto left = queue.time();"),
            ("gateway/wire/a.cc", "Thing(const Thing&) = delete;"),
            (
                "gateway/wire/a.cc",
                "// throw a new thing away, then delete it with rand() and printf()",
            ),
            ("gateway/wire/a.cc", 'auto text = "throw new std::thread";'),
            ("gateway/wire/a.cc", 'auto text = R"(std::mutex "quoted" new x)";'),
            ("gateway/wire/a.cc", "auto big = 1'000'000; auto quote = '\"'; auto after = '\\'';"),
            ("gateway/wire/a.cc", "/* new\n std::mutex */"),
            ("gateway/wire/a.cc", "using namespace std::chrono_literals;"),
            ("gateway/base/a.cc", "#define ROCKET_ASSERT(x) x"),
            ("gateway/wire/a.cc", "auto* at = new (place) Thing;"),
        ]:
            self.assertEqual(said_of(path, line + "\n"), [], line)


class DeadFiles(unittest.TestCase):
    def test_a_header_nobody_includes(self):
        found = problems(
            {
                "gateway/base/a.h": "#pragma once\n",
                "gateway/base/b.h": "#pragma once\n",
                "gateway/base/b.cc": '#include "base/b.h"\n',
            }
        )
        self.assertEqual(found, ["gateway/base/a.h:1: nobody includes this header"])

    def test_a_source_without_a_header(self):
        found = problems(
            {
                "gateway/net/a.cc": "",
                "gateway/net/a_test.cc": "",
                "gateway/net/a_fuzz.cc": "",
                "gateway/testing/fake_main.cc": "",
                "gateway/main.cc": "",
            }
        )
        self.assertEqual(found, ["gateway/net/a.cc:1: no header of this name"])

    def test_a_source_without_a_test(self):
        tree = {"gateway/wire/a.h": "#pragma once\n", "gateway/wire/a.cc": '#include "wire/a.h"\n'}
        self.assertEqual(problems(tree), ["gateway/wire/a.cc:1: no test of this name"])
        self.assertEqual(problems({**tree, "gateway/wire/a_test.cc": ""}), [])


class Sizes(unittest.TestCase):
    def test_a_long_file(self):
        self.assertEqual(
            said_of("gateway/net/a.cc", "int x;\n" * 501), ["gateway/net/a.cc:1: 501 lines"]
        )
        self.assertEqual(said_of("gateway/net/a.cc", "int x;\n" * 500), [])

    def test_a_long_function(self):
        def body(lines: int) -> str:
            inner = "  if (x) {\n    x = {1};\n  }\n" + "  ++x;\n" * (lines - 5)
            return (
                "namespace rocket {\n\nint long_one(int x,\n             int y) {\n"
                + inner
                + "}\n\n}\n"
            )

        self.assertEqual(said_of("gateway/net/a.cc", body(60)), [])
        self.assertEqual(
            said_of("gateway/net/a.cc", body(61)), ["gateway/net/a.cc:4: a function of 61 lines"]
        )

    def test_a_long_class_or_table_is_no_function(self):
        lines = "  int x;\n" * 80
        self.assertEqual(
            said_of("gateway/net/a.cc", "class A : public B<int()> {\n" + lines + "};\n"), []
        )
        self.assertEqual(
            said_of("gateway/net/a.cc", "const int table[] = {\n" + "  1,\n" * 80 + "};\n"), []
        )


class Text(unittest.TestCase):
    def test_unfinished_work(self):
        for path in ("docs/a.md", "gateway/base/a.cc", "dev", "tests/test_a.py"):
            self.assertEqual(said_of(path, "one\n// TODO: later\n"), [f"{path}:2: unfinished work"])

    def test_places_of_one_machine(self):
        for line, found in [
            ("see /work/x/y", True),
            ("in /root/.cache", True),
            ("https://pypi.org/simple", True),
            ("a framework/root/x", False),
            ("https://a.example/work/x", False),
            ('"/root/", "/etc/"', False),
        ]:
            self.assertEqual(bool(said_of("docs/a.md", line + "\n")), found, line)


if __name__ == "__main__":
    unittest.main()
