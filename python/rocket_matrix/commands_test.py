"""What people type, and what it means."""

import unittest

from rocket_matrix.commands import (
    USAGE,
    Backends,
    Batch,
    Cancel,
    Help,
    Infer,
    Mistake,
    Models,
    SetModel,
    Status,
    parse,
)

READ = {
    "!infer why is the sky blue": Infer("why is the sky blue"),
    "  !infer   why\n  is it  ": Infer("why\n  is it"),
    "!INFER x": Infer("x"),
    "!infer --model m x y": Infer("x y", model="m"),
    "!infer --model=m x": Infer("x", model="m"),
    "!infer --backend b --model m x": Infer("x", model="m", backend="b"),
    "!infer --model m --backend b\nline one\nline two": Infer("line one\nline two", "m", "b"),
    "!infer -- --model is what I ask about": Infer("--model is what I ask about"),
    "!infer what does --model do": Infer("what does --model do"),
    "!infer -x is an option": Infer("-x is an option"),
    "!infer —model m –backend b x": Infer("x", model="m", backend="b"),  # as phones write it
    "!infer --model=m —backend b x": Infer("x", model="m", backend="b"),
    "!infer --model \"m\" --backend=“b” 'x'": Infer("'x'", model="m", backend="b"),
    "!status `batch_1`": Status("batch_1"),
    "!infer — model is a word": Infer("— model is a word"),
    "!infer —modelling is": Infer("—modelling is"),
    '!infer say "hello': Infer('say "hello'),
    "!infer it's": Infer("it's"),
    "!batch": Batch(),
    "!batch\none\n\n two \n": Batch(("one", "two")),
    "!batch --model m\none": Batch(("one",), model="m"),
    "!status": Status(),
    "!status batch_1": Status("batch_1"),
    "!cancel": Cancel(),
    "!cancel batch_1": Cancel("batch_1"),
    "!models": Models(),
    "!model": SetModel(),
    "!model llama3:latest": SetModel("llama3:latest"),
    "!backends": Backends(),
    "!help": Help(),
    "!help infer": Help(),
    "": None,
    "hello": None,
    "!": None,
    "!!": None,
    "!?!": None,
    "hello !infer x": None,
    "! infer x": None,
}

MISTAKES = {
    "!infr x": "did you mean `!infer`?",
    "!frobnicate": "`!help` lists",
    "!infer": "There is no prompt",
    "!infer --model m": "There is no prompt",
    "!infer --model": "`--model` needs a name",
    "!infer --model --backend b x": "`--model` needs a name",
    "!infer --model —backend b x": "`--model` needs a name",
    '!infer --model "" x': "`--model` needs a name",
    "!infer --model= x": "`--model` needs a name",
    "!infer --backend a\0b x": "`--backend` needs a name",
    "!infer --backend=\u202eb x": "`--backend` needs a name",
    f"!batch --backend {'b' * 257} x": "`--backend` needs a name",
    "!infer --model a --model b x": "`--model` is there twice",
    "!infer --modle m x": "did you mean `--model`?",
    "!infer --temperature 1 x": "has no option `--temperature`; usage",
    "!status a b": "one word at most",
    "!cancel a b": "one word at most",
    "!model a b": "one word at most",
    "!models please": "takes nothing more",
    "!x`<b>": "no command `!xb`",
}

# Words behind a `!` that other bots in a room listen to, and slips of the fingers.
STRAYS = ("weather", "ping", "info", "start", "stop", "hello", "roll", "x`<b>")
SLIPS = ("infr", "ifner", "inferr", "hlep", "modle", "backend", "stauts", "batches", "cancle")


class Commands(unittest.TestCase):
    def test_read(self) -> None:
        for text, command in READ.items():
            with self.subTest(text):
                self.assertEqual(parse(text), command)

    def test_mistakes_say_what_to_do(self) -> None:
        for text, part in MISTAKES.items():
            with self.subTest(text):
                found = parse(text)
                self.assertIsInstance(found, Mistake)
                self.assertIn(part, found.message)

    def test_what_may_be_meant_for_another_bot(self) -> None:
        for name in STRAYS:
            self.assertIs(parse(f"!{name} x").stray, True, name)
        for name in SLIPS:
            self.assertIs(parse(f"!{name} x").stray, False, name)
        self.assertIs(parse("!infer --frobnicate x").stray, False)

    def test_every_usage_is_a_command(self) -> None:
        for name in USAGE:
            self.assertFalse("no command" in getattr(parse(f"!{name}"), "message", ""), name)


if __name__ == "__main__":
    unittest.main()
