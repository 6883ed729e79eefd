"""MyProxy: TLS, and whether the server speaks its protocol. A refusal is an answer: nothing is stored for us.

Source: "MyProxy Protocol", version 2, http://grid.ncsa.illinois.edu/myproxy/protocol/.
"""

import asyncio
from datetime import UTC, datetime

from gridkeeper.core.status import Status
from gridkeeper.probes.native.check import CheckFailedError, Outcome, Run, Target
from gridkeeper.probes.native.connect import port_of
from gridkeeper.probes.native.streams import Stream
from gridkeeper.probes.native.tls import TlsArguments, certificate_of, connect_verified, judge_expiry

_PORT = 7512
#: MyProxy 6.2 begins its answer with one.
_MOST_ZEROES = 4
#: "No delegation", which ends Globus' handshake, in a TLS record of its own.
_NO_DELEGATION = b"0"
#: Command 2 asks what is stored for somebody.
_INFO = b"VERSION=MYPROXYv2\nCOMMAND=2\nUSERNAME=gridkeeper\nPASSPHRASE=\nLIFETIME=0\n\0"


async def check_myproxy(target: Target, arguments: TlsArguments, run: Run) -> Outcome:
    """The certificate's lifetime, once the server has answered a question in its own protocol."""
    stream = await connect_verified(target, port_of(target, arguments.port, _PORT), run, arguments)
    try:
        certificate = certificate_of(stream)
        with run.doing("waiting for the answer of MyProxy"):
            await stream.send(_NO_DELEGATION)
            await stream.send(_INFO)
            answer = await _answer(stream)
    finally:
        stream.close()
    said = dict(line.split("=", 1) for line in answer.splitlines() if "=" in line)
    version = said.get("VERSION", "")
    if not version.startswith("MYPROXY") or said.get("RESPONSE") not in {"0", "1"}:
        raise CheckFailedError(Status.CRITICAL, f"not a MyProxy server: it said {answer[:80]!r}", answer)
    judged = judge_expiry(certificate, datetime.now(UTC), arguments)
    return Outcome(
        judged.status, f"{version[:40]} answers; {judged.summary}", f"{answer}\n{judged.output}", judged.perfdata
    )


async def _answer(stream: Stream) -> str:
    """Up to the zero byte that ends it, or up to the end of the connection; the server begins with one, too."""
    answer = b""
    try:
        for _ in range(_MOST_ZEROES):
            answer = await stream.readuntil(b"\0")
            if answer != b"\0":
                break
    except asyncio.IncompleteReadError as error:
        answer = error.partial
        if not answer:
            raise
    except asyncio.LimitOverrunError as error:
        raise CheckFailedError(Status.CRITICAL, "not a MyProxy server: its answer has no end") from error
    return answer.decode(errors="replace").rstrip("\0")
