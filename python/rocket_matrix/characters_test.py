"""Halves of characters, together and alone."""

import unittest

from rocket_matrix.characters import Joiner, whole

HIGH, LOW = "\ud83d", "\ude00"  # of 😀
# pieces, what they are together
PIECES = [
    ([], ""),
    (["a ", "", "b"], "a b"),
    (["grün ", "😀"], "grün 😀"),
    (["a" + HIGH, LOW + "b"], "a😀b"),
    ([HIGH, "", LOW], "😀"),
    ([HIGH + LOW + HIGH, LOW], "😀😀"),
    (["a" + HIGH, "b"], "a�b"),
    ([HIGH, HIGH, LOW], "�😀"),
    ([LOW, "b"], "�b"),
    (["a", HIGH], "a�"),
]


class Halves(unittest.TestCase):
    def test_pieces(self) -> None:
        for pieces, together in PIECES:
            with self.subTest(pieces=pieces):
                joiner = Joiner()
                given = [joiner.add(piece) for piece in pieces] + [joiner.rest()]
                self.assertEqual("".join(given), together)
                for each in given:
                    each.encode()
                self.assertEqual(whole("".join(pieces)), together)


if __name__ == "__main__":
    unittest.main()
