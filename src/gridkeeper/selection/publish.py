"""Good sites for programs that are no readers of our JSON: information systems (LDIF) and Prometheus (http_sd).

Only what is good is published, never why something is not; `outputs` says that.
"""

import json
from base64 import b64encode
from collections.abc import Iterator

from gridkeeper.selection.judge import Answer
from gridkeeper.selection.outputs import iso
from gridkeeper.selection.rules import ServiceFacts, Verdict

#: Below which the entries of the fragment stand, as a GLUE 2 information system has it.
_SUFFIX = "GLUE2GroupID=goodsites,o=glue"
_LABEL = "__meta_gridkeeper_"


def services_of(verdict: Verdict) -> Iterator[ServiceFacts]:
    """The services of a good site that the VO may use: those that are good, or all it counts on where a list says so.

    A site on the white list is in although tests fail; what it lacks, production or support, it lacks all the same.
    """
    for each in verdict.services:
        if verdict.is_good and (each.is_good or (verdict.entry is not None and each.service.in_production)):
            yield each.service


def as_http_sd(answer: Answer) -> str:
    """Targets as Prometheus takes them (https://prometheus.io/docs/prometheus/latest/http_sd/): one a service."""
    groups = [
        {
            "targets": [service.hostname],
            "labels": {
                f"{_LABEL}site": verdict.site.name,
                f"{_LABEL}region": verdict.site.region,
                f"{_LABEL}service_type": service.service_type,
                f"{_LABEL}vo": answer.vo,
            },
        }
        for verdict in answer.good
        for service in services_of(verdict)
    ]
    return json.dumps(groups, ensure_ascii=False, indent=1) + "\n"


def as_ldif(answer: Answer) -> str:
    """The good sites and services as LDIF (RFC 2849) in GLUE 2.0 (GFD.147): admin domains, and services below them.

    `GLUE2EntityValidity` is how many seconds the entry may be believed, from `GLUE2EntityCreationTime`: an entry whose
    results go stale ends by itself, even where nobody fetches a newer fragment. Its suffix `o=glue` is the reader's.
    """
    # no line "version: 1": slapadd takes it for an entry
    lines = _entry(_SUFFIX, ("objectClass", "GLUE2Group"), ("GLUE2GroupID", "goodsites"))
    for verdict in answer.good:
        lines += _site(answer, verdict)
    return "\n".join(lines) + "\n"


def _site(answer: Answer, verdict: Verdict) -> list[str]:
    domain = f"GLUE2DomainID={_escaped(verdict.site.name)},{_SUFFIX}"
    validity = _validity(answer, verdict)
    common = [("GLUE2EntityCreationTime", iso(answer.at.replace(microsecond=0)) or ""), *validity]
    common.append(("GLUE2EntityOtherInfo", f"GoodFor={answer.vo}"))
    region = [("GLUE2EntityOtherInfo", f"Region={verdict.site.region}")] if verdict.site.region else []
    kinds = [("objectClass", "GLUE2Domain"), ("objectClass", "GLUE2AdminDomain")]
    lines = _entry(domain, *kinds, ("GLUE2DomainID", verdict.site.name), *common, *region)
    for service in services_of(verdict):
        name = service.key or service.name
        lines += _entry(
            f"GLUE2ServiceID={_escaped(name)},{domain}",
            ("objectClass", "GLUE2Service"), ("GLUE2ServiceID", name), ("GLUE2ServiceType", service.service_type),
            ("GLUE2EntityName", service.hostname), ("GLUE2ServiceQualityLevel", "production"),
            ("GLUE2ServiceAdminDomainForeignKey", verdict.site.name), *common,
        )  # fmt: skip
    return lines


def _validity(answer: Answer, verdict: Verdict) -> list[tuple[str, str]]:
    until = verdict.good_until
    if until is None:
        return []
    return [("GLUE2EntityValidity", str(max(0, int((until - answer.at).total_seconds()))))]


def _entry(dn: str, *attributes: tuple[str, str]) -> list[str]:
    return [_line("dn", dn), *(_line(name, value) for name, value in attributes if value), ""]


def _line(name: str, value: str) -> str:
    """One line, base64 where the value is not safe (RFC 2849, SAFE-STRING); lines are not folded.

    >>> _line("GLUE2DomainID", "RAL-LCG2"), _line("description", " é")
    ('GLUE2DomainID: RAL-LCG2', 'description:: IMOp')
    """
    is_safe = value.isascii() and value.isprintable() and value[:1] not in {" ", ":", "<"} and not value.endswith(" ")
    return f"{name}: {value}" if is_safe else f"{name}:: {b64encode(value.encode()).decode()}"


def _escaped(value: str) -> str:
    r"""A value as a part of a distinguished name (RFC 4514 section 2.4).

    >>> print(_escaped("a, b=c"))
    a\, b\=c
    """
    safe = "".join(f"\\{sign}" if sign in '\\",+<>;=' else "\\00" if sign == "\x00" else sign for sign in value)
    if safe[:1] in {" ", "#"}:
        safe = f"\\{safe}"
    return f"{safe[:-1]}\\ " if safe.endswith(" ") and len(value) > 1 else safe
