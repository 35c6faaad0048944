"""Long answers in parts."""

import json
import random
import unittest

from rocket_matrix.markup import to_html
from rocket_matrix.split import PART_CHARACTERS, split


def always(part: str) -> bool:
    return True


class Split(unittest.TestCase):
    def test_short_ones_stay_whole(self) -> None:
        for text in ("", "x", "a\n\nb", "x" * PART_CHARACTERS):
            self.assertEqual(split(text, always), [text])

    def test_at_the_best_place(self) -> None:
        words = "word " * 1200  # 6,000 characters
        for between in ("\n\n", "\n", ". "):
            parts = split(words + between + words, always)
            self.assertEqual(
                [part.strip() for part in parts],
                [(words + between).strip(), words.strip()],
            )
        self.assertEqual(split("x" * 20_000, always), ["x" * 8_000, "x" * 8_000, "x" * 4_000])

    def test_code_blocks_go_on(self) -> None:
        code = "text\n\n```python\n" + "line = 1\n" * 1500 + "```\nend"
        parts = split(code, always)
        self.assertEqual(len(parts), 2)
        self.assertTrue(parts[0].endswith("\n```"))
        self.assertTrue(parts[1].startswith("```python\nline = 1"))
        self.assertTrue(parts[1].endswith("```\nend"))
        self.assertEqual(sum(part.count("line = 1") for part in parts), 1500)

    def test_code_blocks_in_lists_go_on(self) -> None:
        """As Markdown shows them: each part has one block with its own lines, and no other."""
        for begin, indent in (
            ("1. do\n\n   ```sh\n", 3),
            ("- do\n  - this:\n\n    ```sh\n", 4),
            ("- ```sh\n", 2),
        ):
            line = " " * indent + "run it\n"
            text = begin + line * 1500 + " " * indent + "```\nend **here**"
            parts = split(text, always)
            self.assertGreater(len(parts), 1)
            shown = [to_html(part) for part in parts]
            lines = 0
            for part in shown:
                self.assertEqual(part.count("<pre>"), 1, part[-200:])
                self.assertNotIn("\n run", part)
                lines += part.count("run it\n")
            self.assertEqual(lines, 1500)
            self.assertTrue(shown[-1].endswith("<p>end <strong>here</strong></p>"), shown[-1][-99:])
            for length in range(0, len(text), 997):
                some = split(text[:length], always)
                self.assertEqual(some[:-1], parts[: len(some) - 1])

    def test_what_only_looks_like_a_fence(self) -> None:
        words = "word " * 1000 + "\n"
        inline = split("```x``` in a line\n" + words * 3, always)
        self.assertFalse(any(part.count("```") == 1 for part in inline), inline)
        program = "```python\n" + "x = 1\n" * 500 + "    ```\n" + "x = 1\n" * 1500 + "```\nend"
        first, *rest = split(program, always)
        self.assertTrue(first.endswith("x = 1\n```"))
        self.assertTrue(all(part.startswith("```python\nx = 1") for part in rest))

    def test_by_what_fits(self) -> None:
        seed = random.randrange(1 << 30)
        dice = random.Random(seed)
        for _ in range(50):
            text = "".join(
                dice.choice(["word ", "\n", "\n\n", "```\n", "~~~x\n", '"', "<", "ü", "x" * 50])
                for _ in range(dice.randrange(3000))
            )
            limit = dice.randrange(200, 5000)
            with self.subTest(seed=seed, limit=limit):
                parts = split(text, lambda part, most=limit: len(part.encode()) <= most)
                for part in parts:
                    self.assertLessEqual(len(part.encode()), limit)
                for word in ("word", '"', "<", "ü", "x" * 50):
                    self.assertGreaterEqual("".join(parts).count(word[0]), text.count(word[0]))

    def test_finished_parts_stay_as_a_text_grows(self) -> None:
        text = "".join(
            f"sentence {index}. " + ("\n\n" if index % 7 == 0 else "") for index in range(3000)
        )
        whole = split(text, always)
        for length in range(0, len(text), 997):
            some = split(text[:length], always)
            self.assertEqual(some[:-1], whole[: len(some) - 1])

    def test_they_stay_in_writings_that_take_more_room(self) -> None:
        """As JSON has it, a character of these has six times the bytes of a letter, or more."""

        def fits(part: str) -> bool:
            return 3 * len(json.dumps(part)) <= 45_000

        for word in ("\u706b\u7bad", "\U0001f680", "<b>&amp;"):
            ends = ["\n\n" if index % 5 == 0 else "\u3002" for index in range(400)]
            text = "".join(word * 20 + end for end in ends)
            whole = split(text, fits)
            self.assertGreater(len(whole), 2)
            for length in range(0, len(text), 331):
                some = split(text[:length], fits)
                self.assertEqual(some[:-1], whole[: len(some) - 1])

    def test_the_last_resort_makes_progress(self) -> None:
        for text in ("```\n" * 5, "```" + "x" * 100 + "\n" + "y" * 100):
            parts = split(text, lambda part: len(part) <= 4)
            self.assertGreater(len(parts), 1)


if __name__ == "__main__":
    unittest.main()
