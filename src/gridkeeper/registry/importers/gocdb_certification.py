"""GOCDB's log of certification, and since when each site has its status."""

from gridkeeper.registry.importers.gocdb_fields import Item
from gridkeeper.registry.importers.records import CertificationRecord, Records
from gridkeeper.registry.importers.times import TimeProblemError, parse_epoch, parse_oracle
from gridkeeper.registry.models import Certification

_REASON_LIMIT = 300


def read_change(item: Item, records: Records) -> None:
    """`result` of get_cert_status_changes."""
    site, new = item.text("SITE"), item.text("NEW_STATUS")
    item = item.named(f"{site}: {item.text('OLD_STATUS')} -> {new}")
    if new not in Certification.values:
        return item.rejected("NEW_STATUS", new, "is no certification status", f"use {', '.join(Certification.values)}")
    try:
        moment = parse_epoch(item.text("UNIX_TIME")) if item.text("UNIX_TIME") else parse_oracle(item.text("TIME"))
    except TimeProblemError as error:
        return item.rejected("UNIX_TIME", item.text("UNIX_TIME") or item.text("TIME"), str(error), "correct the time")
    reason = item.text("COMMENT")
    if len(reason) > _REASON_LIMIT:
        item.repaired("COMMENT", reason, f"was cut to {_REASON_LIMIT} characters", "nothing to do")
    old = item.text("OLD_STATUS")
    fields = {
        "old": old[:20],
        "new": new,
        "reason": reason[:_REASON_LIMIT],
        "changed_by": item.text("CHANGED_BY")[:255],
    }
    records.certifications.append(
        CertificationRecord(place=item.place, name=item.name, raw=item.raw, site=site, changed_at=moment, fields=fields)
    )
    return None


def read_date(item: Item, records: Records) -> None:
    """`site` of get_cert_status_date."""
    site = item.text("name")
    item = item.named(site)
    status, text = item.text("cert_status"), item.text("cert_date")
    if status not in Certification.values:
        return item.rejected("cert_status", status, "is no certification status", "correct it in the source")
    try:
        moment = parse_oracle(text)
    except TimeProblemError as error:
        return item.rejected("cert_date", text, str(error), "correct the time")
    records.certifications.append(
        CertificationRecord(
            place=item.place, name=site, raw=item.raw, site=site, changed_at=moment, fields={"new": status},
            is_step=False,
        )
    )  # fmt: skip
    return None
