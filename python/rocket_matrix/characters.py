"""Characters of which JSON knows two halves, and UTF-8 only the whole. Some servers cut their answers
between the two, and some say a half alone: whoever tries to write that down, fails. Pure."""


def whole(text: str) -> str:
    """Halves that follow each other put together, and a mark for any other."""
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


class Joiner:
    """Fed with a text in pieces; a half at the end of one waits for the next."""

    def __init__(self) -> None:
        self._half = ""

    def add(self, piece: str) -> str:
        text = self._half + piece
        self._half = text[-1] if "\ud800" <= text[-1:] <= "\udbff" else ""
        return whole(text.removesuffix(self._half))

    def rest(self) -> str:
        return whole(self._half)
