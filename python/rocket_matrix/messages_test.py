"""What the bot's events contain."""

import re
import time
import unittest

from rocket_matrix.markup import TAGS, to_html
from rocket_matrix.messages import SPAN, Source, editing, finished, fits, growing, replying

SOURCE = Source("vllm", "qwen", 12, 3.21)

HTML = [
    # Markdown, what has to be in the HTML, what must not
    ("**bold** *it* `code`", "<strong>bold</strong> <em>it</em> <code>code</code>", ""),
    ("```python\na < b\n```", '<code class="language-python">a &lt; b', ""),
    ('```"><script>\nx\n```', "<pre><code>x", "script"),
    ("<script>alert(1)</script>", "&lt;script&gt;", "<script"),
    ("<b onclick=x>x</b>", "&lt;b onclick=x&gt;", "<b "),
    ("![x](https://evil/x.png)", '<a href="https://evil/x.png">x</a>', "<img"),
    ("[x](javascript:alert(1))", "[x](javascript", "<a"),
    ("[x](data:text/html,y)", "[x](data", "<a"),
    ("[x](//evil/y)", "x", "href"),
    ("[x](/y)", "x", "href"),
    ("[x](https:y)", "x", "href"),
    ("[x][y]\n\n[y]: ?z", "x", "href"),
    ("[x](HTTPS://a.b)", 'href="HTTPS://a.b"', ""),
    ("[x](mailto:a@b)", 'href="mailto:a@b"', ""),
    ("[x](https://a.b 'title')", '<a href="https://a.b">x</a>', "title="),
    ("~~gone~~", "<del>gone</del>", ""),
    ("|a|\n|-|\n|1|", "<td>1</td>", ""),
    ("3. x", '<ol start="3">', ""),
    ("roses\nviolets", "roses<br>\nviolets", ""),
    ("<!-- x -->", "&lt;!--", "<!--"),
    ("a\0b", "a", "\0"),
]


class Html(unittest.TestCase):
    def test_the_subset_and_nothing_else(self) -> None:
        for markdown, within, without in HTML:
            with self.subTest(markdown):
                html = to_html(markdown)
                self.assertIn(within, html)
                if without:
                    self.assertNotIn(without, html)
                for tag in re.findall(r"</?([a-z0-9]+)", html):
                    self.assertIn(tag, TAGS)

    def test_a_table_that_would_take_seconds_is_text(self) -> None:
        wide = "|a" * 1300 + "\n" + "|-" * 1300 + "\n" + "|\n" * 1400
        began = time.monotonic()
        self.assertNotIn("<td>", to_html(wide))
        self.assertLess(time.monotonic() - began, 2)
        usual = "|a" * 10 + "\n" + "|-" * 10 + "\n" + "|1" * 10 + "\n"
        self.assertIn("<td>1</td>", to_html(usual + "\n" + "a line\n" * 900))


class Contents(unittest.TestCase):
    def test_a_whole_answer(self) -> None:
        content = finished("Because *x*.", SOURCE, first=True, last=True)
        self.assertEqual(content["body"], "[vllm] Because *x*.\n\nqwen · 12 tokens · 3.2 s")
        html = content["formatted_body"]
        self.assertTrue(html.startswith("<p><strong>[vllm]</strong> Because <em>x</em>.</p>"), html)
        self.assertTrue(html.endswith("<p><sub>qwen · 12 tokens · 3.2 s</sub></p>"), html)
        begin, end = content[SPAN]
        self.assertEqual(content["body"][begin:end], "Because *x*.")

    def test_names_are_no_markup(self) -> None:
        source = Source("<b>", "<i>", note="<u>")
        html = finished("x", source, first=True, last=True)["formatted_body"]
        self.assertNotRegex(html, "<[biu]>")

    def test_only_the_first_names_and_only_the_last_ends(self) -> None:
        middle = finished("x", SOURCE, first=False, last=False)
        self.assertEqual(middle["body"], "x")
        block = finished("```\nx\n```", SOURCE, first=True, last=False)
        self.assertTrue(
            block["formatted_body"].startswith("<p><strong>[vllm]</strong> </p>\n<pre>")
        )

    def test_nobody_is_pinged(self) -> None:
        content = growing("@room @a:here")
        for each in (content, editing(content, "$e"), editing(content, "$e")["m.new_content"]):
            self.assertEqual(each["m.mentions"], {})
            self.assertEqual(each["msgtype"], "m.notice")

    def test_a_growing_block_is_one(self) -> None:
        """What shows that more comes is behind it, also where it stands in a list."""
        for text in ("```\nx\n```", "- y\n  - z\n\n    ```\n    x\n    ```", "- ```\n  x\n  ```"):
            html = growing(text)["formatted_body"]
            self.assertIn("<pre><code>x\n</code></pre>", html)
            self.assertTrue(html.replace("</p>", "").endswith("…"), html)

    def test_relations(self) -> None:
        in_thread = replying(growing("x"), "$q", "$t")["m.relates_to"]
        self.assertEqual(in_thread["event_id"], "$t")
        self.assertTrue(in_thread["is_falling_back"])
        self.assertEqual(in_thread["m.in_reply_to"], {"event_id": "$q"})
        self.assertNotIn("rel_type", replying(growing("x"), "$q", "")["m.relates_to"])
        self.assertEqual(editing(growing("x"), "$e")["m.relates_to"]["rel_type"], "m.replace")

    def test_what_fits(self) -> None:
        self.assertTrue(fits(growing("x" * 8000)))
        self.assertFalse(fits(growing('"<' * 8000)))


if __name__ == "__main__":
    unittest.main()
