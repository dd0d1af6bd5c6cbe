"""The inbox: commands in the order in which they came, some of which must wait for the end of a step."""

from __future__ import annotations

import queue

from gm_core.protocol.commands import Ask, Cancel, Command, SetPace

HARMLESS = Ask | Cancel | SetPace
"""Commands that change no run."""


class Inbox:
    """Hands out commands. While a run rests in the middle of a step, only harmless ones come out; the first other
    command is held until the step has ended, and with it all that came after it, so that the order is kept."""

    def __init__(self, commands: queue.SimpleQueue[Command]) -> None:
        self._commands = commands
        self.held: Command | None = None

    def next(self, midway: bool) -> Command | None:
        """The next command that may be obeyed now, or None."""
        if self.held is not None:
            if midway:
                return None
            command, self.held = self.held, None
            return command
        if self._commands.empty():
            return None
        command = self._commands.get()
        if midway and not isinstance(command, HARMLESS):
            self.held = command
            return None
        return command
