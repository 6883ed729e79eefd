"""The bus of NATS: signing in, our streams and subjects, and the two ways that survive its restarts: give and pull.

A message that is given is there once: it is sent again until it is acknowledged, and JetStream knows its id. One that
is pulled comes again until it is acknowledged, so whoever pulls recognises it by what it says.
"""

import asyncio
import ssl
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.errors import SecureConnRequiredError
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DiscardPolicy, RetentionPolicy, StreamConfig
from nats.js.errors import APIError, NotFoundError

from gridkeeper.config import Config

log = structlog.get_logger(__name__)

#: What the bus may refuse or miss while it is away or begins anew: all of it passes.
TROUBLE = (NatsError, TimeoutError, OSError)
#: Seconds: for one attempt to connect, between two, between pings (two unanswered ones end a connection).
_CONNECT_S, _PAUSE_S, _PING_S = 5, 0.25, 1
#: Seconds that a message waits for its acknowledgement before it is sent again, at first and at most.
_FIRST_ACK_S, _LONGEST_ACK_S = 1.0, 5.0
#: Seconds that one request for messages stays open; the server gives a sign of life every so often meanwhile. One that
#: gives none for so long has no such consumer, which it does not say, or is not the one that was asked.
_PULL_S, _IDLE_S, _SILENT_S = 30.0, 0.5, 1.6
#: An answer, and an event, that is sent again within so long is known by its id.
_REPEATS_S, _EVENT_REPEATS_S = 600.0, 7200.0
#: Orders that nobody took are of no use after so long: the scheduler has given them to another worker.
_ORDER_AGE_S = 300.0
_RESULTS_BYTES, _EVENTS_BYTES, _EVENTS_AGE_S = 4 << 30, 256 << 20, 7 * 86_400.0


class BusError(Exception):
    """The bus cannot be used as it is set up; the message says what was tried and what to correct."""


def token(name: str) -> str:
    """A worker's name as one word of a subject: names have no underscore, so no two become the same."""
    return name.replace(".", "_")


class Names:
    """Our subjects and streams, all under one first word, so that installations can share a server."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        head = prefix.upper()
        self.work, self.results, self.events = f"{head}_WORK", f"{head}_RESULTS", f"{head}_EVENTS"

    def orders_of(self, worker: str) -> str:
        return f"{self.prefix}.work.{token(worker)}"

    def results_of(self, worker: str) -> str:
        return f"{self.prefix}.results.{token(worker)}"

    def beat_of(self, worker: str) -> str:
        return f"{self.prefix}.beat.{token(worker)}"

    def event(self, kind: str) -> str:
        return f"{self.prefix}.events.{kind}"

    @property
    def beats(self) -> str:
        return f"{self.prefix}.beat.*"

    def consumer_of(self, worker: str) -> str:
        return f"worker_{token(worker)}"

    def streams(self) -> list[StreamConfig]:
        """Results are refused rather than dropped where the stream is full: the worker's disk keeps them."""
        return [
            StreamConfig(
                self.work, subjects=[f"{self.prefix}.work.*"], retention=RetentionPolicy.WORK_QUEUE,
                max_age=_ORDER_AGE_S, duplicate_window=_ORDER_AGE_S,
            ),
            StreamConfig(
                self.results, subjects=[f"{self.prefix}.results.*"], retention=RetentionPolicy.WORK_QUEUE,
                max_bytes=_RESULTS_BYTES, discard=DiscardPolicy.NEW, duplicate_window=_REPEATS_S,
            ),
            StreamConfig(
                self.events, subjects=[f"{self.prefix}.events.>"], max_age=_EVENTS_AGE_S, max_bytes=_EVENTS_BYTES,
                duplicate_window=_EVENT_REPEATS_S,
            ),
        ]  # fmt: skip


class _Client(Client):  # type: ignore[misc]
    """The client, which sends no password to a server that offers no TLS where the URL demands it."""

    must_be_tls = False

    async def _process_info(self, info: dict[str, Any], initial_connection: bool = False) -> None:
        if self.must_be_tls and not info.get("tls_required"):
            raise SecureConnRequiredError
        await super()._process_info(info, initial_connection=initial_connection)


class Bus:
    """A connection that comes back by itself. `on_away` and `on_back` are called when it is lost and found again."""

    def __init__(self, config: Config, *, who: str) -> None:
        """who: the name that the server shows for us, and the word of our private inbox."""
        self._config, self._who = config, who
        self.names = Names(config.bus_name)
        self._client = _Client()
        self._said: list[str] = []
        self.on_away: Callable[[], None] = lambda: None
        self.on_back: Callable[[], None] = lambda: None

    @property
    def is_connected(self) -> bool:
        return bool(self._client.is_connected)

    @property
    def client(self) -> Client:
        return self._client

    @property
    def jetstream(self) -> JetStreamContext:
        return self._client.jetstream(timeout=_LONGEST_ACK_S)

    async def connect(self) -> None:
        """Connects once. Raises BusError saying why not."""
        self._client = _Client()
        self._client.must_be_tls = any(one.strip().startswith("tls:") for one in self._config.bus_url.split(","))
        self._said = []
        try:
            async with asyncio.timeout(_CONNECT_S):
                await self._client.connect(**self._options())
            self._client.options["max_reconnect_attempts"] = -1  # once it was there, it is waited for
        except (*TROUBLE, ValueError) as error:
            await self._client.close()
            why = "; ".join(self._said) or str(error) or type(error).__name__
            raise BusError(f"no connection to the bus at {self._config.bus_url}: {why}") from error

    async def connect_patiently(self) -> None:
        """Connects as soon as that is possible; says once why it is not, and again when the reason changes."""
        said, pause_s = "", _PAUSE_S
        while True:
            try:
                await self.connect()
            except BusError as error:
                if str(error) != said:
                    said = str(error)
                    log.warning("the bus is not there yet", error=said)
                await asyncio.sleep(pause_s)
                pause_s = min(5.0, pause_s * 2)
            else:
                return

    async def close(self) -> None:
        """Sends what is still to be sent, and ends."""
        self.on_away = lambda: None
        try:
            if self.is_connected:
                await self._client.flush(timeout=2)
        except TROUBLE as error:
            log.debug("not everything could be sent at the end", error=str(error))
        await self._client.close()

    def _options(self) -> dict[str, Any]:
        config = self._config
        options: dict[str, Any] = {
            "servers": [one.strip() for one in config.bus_url.split(",")],
            "name": f"{config.bus_name} {self._who}",
            "inbox_prefix": f"_INBOX_{token(self._who)}",
            "max_reconnect_attempts": 1,
            "reconnect_time_wait": _PAUSE_S,
            "connect_timeout": _CONNECT_S,
            "ping_interval": _PING_S,
            "max_outstanding_pings": 2,
            "error_cb": self._on_error,
            "disconnected_cb": self._on_away,
            "reconnected_cb": self._on_back,
        }
        if self._client.must_be_tls or config.bus_ca or config.bus_cert:
            options["tls"] = _tls(config)
        if config.bus_credentials:
            options |= _sign_in(config.bus_credentials)
        elif config.bus_user:
            options |= {"user": config.bus_user, "password": config.bus_password}
        return options

    async def _on_error(self, error: Exception) -> None:
        said = str(error) or type(error).__name__
        if said not in self._said:
            self._said.append(said)
            log.warning("the bus says", error=said)

    async def _on_away(self) -> None:
        log.warning("the connection to the bus is lost")
        self.on_away()

    async def _on_back(self) -> None:
        log.info("the connection to the bus is back")
        self._said = []
        self.on_back()

    async def make_streams(self) -> None:
        """Makes our streams where they are missing. Raises what TROUBLE lists."""
        for stream in self.names.streams():
            try:
                await self.jetstream.stream_info(stream.name)
            except NotFoundError:
                await self.jetstream.add_stream(stream)

    async def make_consumer(self, stream: str, name: str, subject: str, *, wait_s: float, most_unacked: int) -> None:
        """Makes a consumer where it is missing, who gives every message of the subject again until it is acknowledged.

        wait_s: after which it gives one again
        """
        wanted = ConsumerConfig(
            name, durable_name=name, filter_subject=subject, ack_policy=AckPolicy.EXPLICIT, ack_wait=wait_s,
            max_ack_pending=most_unacked,
        )  # fmt: skip
        await self.jetstream.add_consumer(stream, wanted)

    async def give(self, subject: str, payload: bytes, message_id: str) -> None:
        """Publishes a message; returns when JetStream holds it, however often that has to be tried.

        Raises BusError where it never will: no permission shows only as silence, a stream that is full is waited for.
        """
        wait_s = _FIRST_ACK_S
        headers = {"Nats-Msg-Id": message_id}
        while True:
            try:
                await self.jetstream.publish(subject, payload, timeout=wait_s, headers=headers)
            except TROUBLE as error:
                if isinstance(error, APIError) and error.code == 400:  # a bad request
                    raise BusError(f"the bus refuses {subject}: {error.description}") from error
                await asyncio.sleep(_PAUSE_S)
                wait_s = min(_LONGEST_ACK_S, wait_s * 2)
            else:
                return


async def let_go(message: Msg) -> None:
    """Acknowledges a message. An acknowledgement that is lost brings the message again, and it is recognised then."""
    try:
        await message.ack()
    except TROUBLE as error:
        log.debug("an acknowledgement was not sent", error=str(error))


class Pull:
    """Messages of a consumer, never more than there is room for."""

    def __init__(
        self, bus: Bus, stream: str, consumer: str, take: Callable[[Msg], Awaitable[None]], room: Callable[[], int]
    ) -> None:
        """take: is given every message, once; room: how many more could be taken now"""
        self._bus, self._take, self._room = bus, take, room
        self._subject = f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer}"
        self._left, self._heard_s = 0, 0.0
        self._news = asyncio.Event()

    def look_again(self) -> None:
        """There is more room than before, or the bus is back."""
        self._news.set()

    def ask_anew(self) -> None:
        """What was asked of a server that went away is not answered."""
        self._left, self._heard_s = 0, 0.0
        self._news.set()

    async def run(self) -> None:
        """Takes messages for ever."""
        inbox = self._bus.client.new_inbox()
        subscription = await self._bus.client.subscribe(inbox, cb=self._on_message)
        try:
            while True:
                await self._once(inbox)
        finally:
            if self._bus.is_connected:
                await subscription.unsubscribe()

    async def _once(self, inbox: str) -> None:
        room = self._room()
        if room < 1 or not self._bus.is_connected:
            await self._wait(0.1)
            return
        self._left = room
        times = f'"expires":{int(_PULL_S * 1e9)},"idle_heartbeat":{int(_IDLE_S * 1e9)}'
        request = f'{{"batch":{room},{times}}}'
        self._heard_s = time.monotonic()
        try:
            await self._bus.client.publish(self._subject, request.encode(), reply=inbox)
        except TROUBLE:
            await asyncio.sleep(_PAUSE_S)
            return
        while self._left > 0 and time.monotonic() < self._heard_s + _SILENT_S:
            await self._wait(_IDLE_S)

    async def _wait(self, longest_s: float) -> None:
        self._news.clear()
        try:
            async with asyncio.timeout(longest_s):
                await self._news.wait()
        except TimeoutError:
            return

    async def _on_message(self, message: Msg) -> None:
        self._heard_s = time.monotonic()
        status = (message.headers or {}).get("Status")
        if status is None:
            self._left -= 1
            if self._left <= 0:
                self._news.set()
            await self._take(message)
            return
        if status != "100":
            if status in {"503", "409"}:  # no consumer yet, or none any more
                await asyncio.sleep(_PAUSE_S)
            self.ask_anew()


def _tls(config: Config) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=str(config.bus_ca) if config.bus_ca else None)
        if config.bus_cert and config.bus_key:
            context.load_cert_chain(config.bus_cert, config.bus_key)
    except OSError as error:
        named = " ".join(str(path) for path in (config.bus_ca, config.bus_cert, config.bus_key) if path)
        raise BusError(f"the files of the bus's TLS ({named}) cannot be used: {error}") from error
    return context


def _sign_in(path: Path) -> dict[str, str]:
    """A .creds file holds a token and a seed, one of an nkey the seed alone."""
    try:
        text = path.read_text()
    except OSError as error:
        raise BusError(f"GRIDKEEPER_BUS_CREDENTIALS={path}: {error.strerror}; name a readable file") from error
    return {"user_credentials": str(path)} if "NATS USER JWT" in text else {"nkeys_seed": str(path)}
