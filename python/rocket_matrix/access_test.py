"""Who may do what."""

import unittest

from rocket_matrix.access import Access

USERS = [
    # globs, user, may
    (["@*:here"], "@a:here", True),
    (["@*:here"], "@a:here.evil", False),
    (["@*:here"], "@a:there", False),
    (["@*:here"], "@a:there:here", True),
    (["@a:here"], "@a:here", True),
    (["@a:here"], "@A:here", False),
    (["@a.b:here"], "@axb:here", False),
    (["@[ab]:here"], "@a:here", False),
    (["@a:here"], "@a:here\n", False),
    ([], "@a:here", False),
    (["@admin:here"], "@admin:here", True),
]

ROOMS = [
    # globs, room, direct, may
    (["*"], "!r:here", False, True),
    (["!r:here"], "!r:here", False, True),
    (["!r:here"], "!s:here", False, False),
    (["!*:here"], "!s:here", False, True),
    (["#ops:here"], "!aliased:here", False, True),
    (["#ops:here"], "#ops:here", False, False),
    ([], "!r:here", False, False),
    ([], "!r:here", True, True),
]


class AccessRules(unittest.TestCase):
    def test_users(self) -> None:
        for globs, user, may in USERS:
            with self.subTest(user=user, globs=globs):
                self.assertEqual(Access(globs, [], ["*"]).user(user), may)

    def test_rooms(self) -> None:
        for globs, room, direct, may in ROOMS:
            with self.subTest(room=room, globs=globs):
                aliases = ["!aliased:here"] if "#ops:here" in globs else []
                access = Access(["@*:here"], [], globs, aliases=aliases)
                self.assertEqual(access.room(room, direct), may)
                self.assertEqual(access.invitation("@a:here", room, direct), may)
                self.assertFalse(access.invitation("@a:there", room, direct))

    def test_an_alias_that_is_new(self) -> None:
        access = Access(["@*:here"], [], ["#ops:here"])
        self.assertFalse(access.room("!new:here", False))
        access.know_aliases(["!new:here"])
        self.assertTrue(access.room("!new:here", False))

    def test_no_direct_messages(self) -> None:
        self.assertFalse(Access(["@*:here"], [], ["*"], False).room("!r:here", True))

    def test_what_belongs_to_somebody(self) -> None:
        access = Access(["@*:here"], ["@root:here"], ["*"])
        self.assertTrue(access.stop("@a:here", "@a:here"))
        self.assertTrue(access.stop("@root:here", "@a:here"))
        self.assertFalse(access.stop("@b:here", "@a:here"))

    def test_a_room_s_model(self) -> None:
        access = Access(["@*:here"], ["@root:there"], ["*"])
        self.assertTrue(access.set_model("@root:there", 0))
        self.assertTrue(access.set_model("@a:here", 50))
        self.assertFalse(access.set_model("@a:here", 49))
        self.assertFalse(access.set_model("@a:there", 100))


if __name__ == "__main__":
    unittest.main()
