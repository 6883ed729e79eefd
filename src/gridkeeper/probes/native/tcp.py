"""TCP: the port accepts connections; optionally says and answers what is expected."""

from gridkeeper.core.status import Status
from gridkeeper.probes.native.check import Arguments, Check, CheckFailedError, Outcome, Run, Target
from gridkeeper.probes.native.connect import connect, port_of

_ANSWER_BYTES = 4096


class TcpArguments(Arguments, frozen=True, kw_only=True):
    """send: text written after connecting ("\\n" as two characters stands for a line end); expect: in the answer."""

    send: str = ""
    expect: str = ""


async def _check(target: Target, arguments: TcpArguments, run: Run) -> Outcome:
    port = port_of(target, arguments.port)
    stream = await connect(target, port, run)
    try:
        if arguments.send:
            await stream.send(arguments.send.replace("\\n", "\n").encode())
        if not arguments.expect:
            return Outcome(Status.OK, f"port {port} accepts connections")
        with run.doing(f"waiting for {arguments.expect!r} from port {port}"):
            answer = b""
            while arguments.expect.encode() not in answer and len(answer) < _ANSWER_BYTES:
                part = await stream.read(_ANSWER_BYTES)
                if not part:
                    break
                answer += part
    finally:
        stream.close()
    text = answer.decode(errors="replace")
    if arguments.expect not in text:
        raise CheckFailedError(Status.CRITICAL, f"port {port} did not say {arguments.expect!r}", text)
    return Outcome(Status.OK, f"port {port} answers as expected", text)


TCP = Check("tcp", TcpArguments, _check)
