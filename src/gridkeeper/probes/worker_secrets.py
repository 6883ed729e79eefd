"""Credentials on their way to a worker: leased for one run, sealed to the worker's key, open only while it runs."""

from datetime import UTC, datetime

import msgspec

from gridkeeper.probes.credential_store import Material, lease
from gridkeeper.probes.instances import Instance
from gridkeeper.probes.worker_keys import WorkerKey, WorkerKeyError, seal


class _Packed(msgspec.Struct, array_like=True):
    need: str
    content: bytes
    until: datetime | None
    credential: str


def sealed_for(instance: Instance, *, worker: str, public_key: str, context: bytes, now: datetime) -> bytes:
    """What the run acts with, for that worker's eyes only; the use is noted under its name.

    context: what it belongs to, the head of the order. Raises CredentialError and WorkerKeyError.
    """
    if not public_key:
        raise WorkerKeyError(f"the worker {worker} has shown no key that a credential could be sealed for")
    key, test = instance.key, instance.test
    material = lease(
        test=test.name, vo=key.vo, need=test.credential, hostname=key.hostname, worker=worker, run_s=test.timeout_s,
        now=now,
    )  # fmt: skip
    packed = _Packed(material.need, material.content, material.until, material.credential)
    return seal(msgspec.msgpack.encode(packed), public_key, context)


def opened(secret: bytes, key: WorkerKey, context: bytes) -> Material | None:
    """What came with an order; None where nothing did. Raises WorkerKeyError."""
    if not secret:
        return None
    packed = msgspec.msgpack.decode(key.open(secret, context), type=_Packed)
    until = packed.until.astimezone(UTC) if packed.until else None
    return Material(packed.need, packed.content, until, packed.credential)
