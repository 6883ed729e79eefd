"""A small LDAP v3 client (RFC 4511) for checks: anonymous bind and search, limits on all that the server sends."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from gridkeeper.core.status import Status
from gridkeeper.probes.native.ber import (
    SEQUENCE,
    BerError,
    boolean,
    elements,
    encode,
    integer,
    length_bytes,
    parts,
    read_integer,
    text,
)
from gridkeeper.probes.native.check import CheckFailedError, Run, Target
from gridkeeper.probes.native.connect import connect, connect_tls
from gridkeeper.probes.native.ldap_filter import parse_filter
from gridkeeper.probes.native.streams import Stream
from gridkeeper.probes.native.tls import context_of

_BIND, _BOUND, _SEARCH, _ENTRY, _DONE, _REFERENCE, _EXTENDED = 0x60, 0x61, 0x63, 0x64, 0x65, 0x73, 0x78
_SCOPES = {"base": 0, "one": 1, "sub": 2}
_MOST_MESSAGE_BYTES = 8 << 20
_MOST_BYTES = 128 << 20
#: After so many messages that came in one go, other runs get their turn.
_MESSAGES_IN_A_GO = 100
SIZE_LIMIT = 4
NO_SUCH_OBJECT = 32
#: RFC 4511 appendix A.1; those that a server of information may well give.
RESULTS = {
    0: "success", 1: "operations error", 2: "protocol error", 3: "time limit exceeded",
    SIZE_LIMIT: "size limit exceeded", 7: "method of authentication not supported",
    8: "stronger authentication required", 10: "referral", 11: "administrative limit exceeded",
    13: "confidentiality required", NO_SUCH_OBJECT: "no such object", 34: "invalid DN",
    48: "inappropriate authentication", 49: "invalid credentials", 50: "insufficient access rights",
    51: "busy", 52: "unavailable", 53: "unwilling to perform", 80: "other error",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of the directory. Names of attributes are lower case."""

    dn: str
    attributes: Mapping[str, tuple[str, ...]]

    def values(self, name: str) -> tuple[str, ...]:
        return self.attributes.get(name.lower(), ())

    def first(self, name: str) -> str:
        """The first value; "" where there is none."""
        return next(iter(self.values(name)), "")

    def is_a(self, object_class: str) -> bool:
        return object_class.lower() in (value.lower() for value in self.values("objectclass"))


@dataclass(frozen=True, slots=True)
class Answer:
    """What a search found. code: of RFC 4511, 0 is success; is_cut: a limit ended it before the end."""

    entries: list[Entry] = field(default_factory=list)
    code: int = 0
    message: str = ""
    is_cut: bool = False

    @property
    def words(self) -> str:
        named = RESULTS.get(self.code, f"result {self.code}")
        return f"{named} ({self.message[:200]})" if self.message else named


class LdapConnection:
    """An open connection; one request at a time."""

    def __init__(self, stream: Stream, run: Run) -> None:
        self._stream, self._run = stream, run
        self._requests = 0
        self._bytes = 0

    def close(self) -> None:
        self._stream.close()

    async def bind(self) -> None:
        """Anonymously. Raises CheckFailedError where the server refuses."""
        with self._run.doing("binding anonymously"):
            await self._send(encode(_BIND, integer(3), text(""), text("", 0x80)))
            tag, content = await self._message()
            if tag != _BOUND:
                raise _not_ldap(f"its answer to a bind has the tag {tag:#x}")
            answer = _result(content)
        if answer.code:
            raise CheckFailedError(Status.CRITICAL, f"the LDAP server refuses an anonymous bind: {answer.words}")

    async def search(
        self, base: str, filter_: str = "(objectClass=*)", attributes: Sequence[str] = (), *, scope: str = "sub",
        most_entries: int = 100_000,
    ) -> Answer:  # fmt: skip
        """Entries below `base`. Raises CheckFailedError for an answer that is no LDAP; a bad result is in it."""
        request = encode(
            _SEARCH, text(base), integer(_SCOPES[scope], 0x0A), integer(0, 0x0A), integer(most_entries),
            integer(max(1, int(self._run.timeout_s))), boolean(False), parse_filter(filter_),
            encode(SEQUENCE, *(text(name) for name in attributes)),
        )  # fmt: skip
        entries: list[Entry] = []
        with self._run.doing(f"searching {base or 'the root'} for {filter_}"):
            await self._send(request)
            while (answer := await self._next(entries)) is None:
                if len(entries) > most_entries:  # it does not keep the limit that it was told
                    return Answer(entries[:most_entries], SIZE_LIMIT, "", is_cut=True)
                if len(entries) % _MESSAGES_IN_A_GO == 0:
                    await asyncio.sleep(0)
        return Answer(entries, answer.code, answer.message, answer.code == SIZE_LIMIT)

    async def _next(self, entries: list[Entry]) -> Answer | None:
        tag, content = await self._message()
        if tag == _ENTRY:
            try:
                entries.append(_entry(content))
            except BerError as error:
                raise _not_ldap(f"an entry holds {error}") from error
            return None
        if tag == _REFERENCE:
            return None
        if tag != _DONE:
            raise _not_ldap(f"its answer to a search has the tag {tag:#x}")
        return _result(content)

    async def _send(self, operation: bytes) -> None:
        self._requests += 1
        await self._stream.send(encode(SEQUENCE, integer(self._requests), operation))

    async def _message(self) -> tuple[int, bytes]:
        """Tag and content of the next operation of the server."""
        try:
            identifier, operation = parts(await self._element(), 2)[:2]
            number = read_integer(identifier[1])
        except BerError as error:
            raise _not_ldap(f"a message holds {error}") from error
        if number == 0 and operation[0] == _EXTENDED:
            raise CheckFailedError(
                Status.CRITICAL, f"the LDAP server ends the connection: {_result(operation[1]).words}"
            )
        if number != self._requests:
            raise _not_ldap(f"it answers request {number} instead of {self._requests}")
        return operation

    async def _element(self) -> bytes:
        """Content of the next element, which is a sequence."""
        head = await self._stream.readexactly(2)
        if head[0] != SEQUENCE:
            raise BerError(f"{head!r} where a sequence begins")
        following = length_bytes(head[1])
        size = int.from_bytes(await self._stream.readexactly(following), "big") if following else head[1]
        self._bytes += size
        if size > _MOST_MESSAGE_BYTES or self._bytes > _MOST_BYTES:
            raise BerError(f"{size} bytes, more than this check reads")
        return await self._stream.readexactly(size)


def _not_ldap(why: str) -> CheckFailedError:
    return CheckFailedError(Status.CRITICAL, f"not an LDAP server: {why}")


def _result(content: bytes) -> Answer:
    try:
        code, _, message = parts(content, 3)[:3]
        return Answer(code=read_integer(code[1]), message=message[1].decode(errors="replace"))
    except BerError as error:
        raise _not_ldap(f"a result holds {error}") from error


def _entry(content: bytes) -> Entry:
    dn, listed = parts(content, 2)[:2]
    attributes: dict[str, tuple[str, ...]] = {}
    for _, attribute in elements(listed[1]):
        name, values = parts(attribute, 2)[:2]
        found = tuple(value.decode(errors="replace") for _, value in elements(values[1]))
        attributes[name[1].decode(errors="replace").lower()] = found
    return Entry(dn[1].decode(errors="replace"), attributes)


async def open_ldap(target: Target, port: int, run: Run, *, is_tls: bool = False, ca_file: str = "") -> LdapConnection:
    """Connects and binds anonymously. Close it."""
    stream: Stream
    if is_tls:
        stream = await connect_tls(target, port, run, context_of(ca_file))
    else:
        stream = await connect(target, port, run)
    connection = LdapConnection(stream, run)
    try:
        await connection.bind()
    except BaseException:
        connection.close()
        raise
    return connection
