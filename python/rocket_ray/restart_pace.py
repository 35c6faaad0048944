"""When a child that has died is started again: at once, unless it keeps dying."""

from dataclasses import dataclass

# Who has lived so long has not died of its own beginning.
SOUND_S = 5.0
FIRST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 5.0


@dataclass
class RestartPace:
    """The first death costs no pause, nor does one after a sound life; each further early one
    doubles the pause."""

    early_deaths: int = 0

    def pause_after(self, lived_s: float) -> float:
        """Seconds to wait before the next start, after a child that lived for `lived_s`."""
        if lived_s >= SOUND_S:
            self.early_deaths = 0
            return 0.0
        self.early_deaths += 1
        if self.early_deaths == 1:
            return 0.0
        return min(FIRST_PAUSE_S * 2.0 ** min(self.early_deaths - 2, 30), LONGEST_PAUSE_S)
