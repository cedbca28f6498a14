"""A small SMTP server that counts what it takes and can be told to fail.

Not aiosmtpd: that takes several milliseconds of one core for each letter, and here one core has to
serve three workers, their database and the fault itself. This one can also vanish while lines are
open.
"""

import asyncio
import re
import socket
import threading
from collections import Counter

MESSAGE_ID = re.compile(rb"^Message-ID:\s*(\S+)", re.IGNORECASE | re.MULTILINE)
LONGEST_MAIL = 2**20  # bytes
END = b"\r\n.\r\n"
# As most servers do, it takes sender, recipient and DATA in one piece.
OFFERS = b"250-sink\r\n250 PIPELINING\r\n"


class Sink:
    """Takes mail on a port of its own until told otherwise."""

    def __init__(self) -> None:
        self.taken: Counter[bytes] = Counter()
        self.refuses_every_third = False
        self.is_stalling = False
        self._offers = 0
        self._lines: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._door: asyncio.Server | None = None
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.open_door()

    def open_door(self) -> None:
        """Listen."""
        asyncio.run_coroutine_threadsafe(self._open(), self._loop).result(10)

    def close_door(self) -> None:
        """Drop every line without a word, and listen no more."""
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)

    def stop(self) -> None:
        """Vanish for good."""
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    async def _open(self) -> None:
        self._door = await asyncio.start_server(
            self._serve, "127.0.0.1", self.port, limit=LONGEST_MAIL
        )

    async def _close(self) -> None:
        if self._door:
            self._door.close()
        for line in list(self._lines):
            line.transport.abort()

    async def _end(self) -> None:
        await self._close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for one in others:
            one.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, line: asyncio.StreamWriter) -> None:
        self._lines.add(line)
        try:
            line.write(b"220 sink\r\n")
            while words := await reader.readline():
                answer = await self._answer(words[:4].upper(), reader, line)
                line.write(answer)
                await line.drain()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._lines.discard(line)
            line.close()

    async def _answer(
        self, verb: bytes, reader: asyncio.StreamReader, line: asyncio.StreamWriter
    ) -> bytes:
        if verb == b"EHLO":
            return OFFERS
        if verb != b"DATA":
            return b"221 Bye\r\n" if verb == b"QUIT" else b"250 Yes\r\n"
        line.write(b"354 Go on\r\n")
        mail = await reader.readuntil(END)
        while self.is_stalling:
            await asyncio.sleep(3600)
        self._offers += 1
        if self.refuses_every_third and self._offers % 3 == 0:
            return b"451 Try again later\r\n"
        found = MESSAGE_ID.search(mail)
        assert found is not None
        self.taken[found[1]] += 1
        return b"250 Queued as %d\r\n" % self._offers
