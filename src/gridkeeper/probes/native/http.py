"""HTTP(S): the answer has the status and body that are expected, after at most so many redirects."""

import re

from gridkeeper.core.status import Status
from gridkeeper.probes.native.check import Arguments, Check, CheckArgumentError, CheckFailedError, Outcome, Run, Target
from gridkeeper.probes.native.http_client import Request, Response, follow, split, with_credential


class HttpArguments(Arguments, frozen=True, kw_only=True):
    """What to ask and what to expect.

    url: "" takes the service's; path: replaces the URL's path; scheme: of the URL made from the target's port
    status: accepted codes, empty: 200 to 399; expect: text in the body; regex: pattern found in the body
    redirects: followed at most; verify, ca_file: of https; most_bytes: read of the body
    """

    url: str = ""
    scheme: str = "http"
    path: str = ""
    method: str = "GET"
    body: str = ""
    headers: dict[str, str] = {}
    status: tuple[int, ...] = ()
    expect: str = ""
    regex: str = ""
    redirects: int = 3
    verify: bool = True
    ca_file: str = ""
    most_bytes: int = 1 << 20

    def __post_init__(self) -> None:
        try:
            re.compile(self.regex)
        except re.error as error:
            raise CheckArgumentError(f"http: regex {self.regex!r}: {error}") from error
        bad = [name for name, value in self.headers.items() if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name)
               or "\r" in value or "\n" in value]  # fmt: skip
        if bad:
            raise CheckArgumentError(f"http: {bad[0]!r} is no header")


def _url(target: Target, arguments: HttpArguments) -> str:
    url = arguments.url or target.url
    if not url.startswith(("http://", "https://")):
        port = arguments.port or target.port
        url = f"{arguments.scheme}://{target.hostname}{f':{port}' if port else ''}/"
    if not arguments.path:
        return url
    parts = split(url)
    return f"{parts.scheme}://{parts.netloc}/{arguments.path.lstrip('/')}"


async def _check(target: Target, arguments: HttpArguments, run: Run) -> Outcome:
    request = Request(
        arguments.method, _url(target, arguments), arguments.headers, arguments.body.encode(), arguments.verify,
        arguments.ca_file, arguments.most_bytes,
    )  # fmt: skip
    request = with_credential(request, run)
    return _judge(await follow(target, request, run, redirects=arguments.redirects), arguments)


def _judge(response: Response, arguments: HttpArguments) -> Outcome:
    first = f"HTTP {response.status} {response.reason}".rstrip()
    output = _describe(response)
    accepted = arguments.status or range(200, 400)
    if response.status not in accepted:
        wanted = " or ".join(map(str, arguments.status)) or "200 to 399"
        raise CheckFailedError(Status.CRITICAL, f"{first} from {response.url}, wanted {wanted}", output)
    if arguments.expect and arguments.expect not in response.text:
        raise CheckFailedError(Status.CRITICAL, f"{first}, but the body lacks {arguments.expect!r}", output)
    if arguments.regex and not re.search(arguments.regex, response.text):
        raise CheckFailedError(Status.CRITICAL, f"{first}, but the body does not match {arguments.regex!r}", output)
    size = f"{len(response.body)} bytes{' (cut)' if response.is_cut else ''}"
    return Outcome(Status.OK, f"{first}, {size}", output, f"size={len(response.body)}B;;;0")


def _describe(response: Response) -> str:
    headers = "\n".join(f"{name}: {value}" for name, value in response.headers.items())
    return f"{response.url}\nHTTP {response.status} {response.reason}\n{headers}\n\n{response.text[:4000]}"


HTTP = Check("http", HttpArguments, _check)
