"""A whole GOCDB by its programmatic interface: which methods are asked, and what each must hold.

All answers are fetched before any of it is used, so that an outage in the middle changes nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass

from gridkeeper.registry.importers.gocdb import Gocdb
from gridkeeper.registry.importers.pi_client import PiClient, RefusedError
from gridkeeper.registry.importers.report import Place, Report, UnreadableSourceError


@dataclass(frozen=True, slots=True)
class Method:
    """element: what its answers hold; instead: asked where this one is refused; is_needed: nothing works without it."""

    name: str
    element: str
    is_scoped: bool = False
    is_paged: bool = True
    is_needed: bool = False
    instead: str = ""


METHODS = (
    Method("get_service_types", "SERVICE_TYPE", is_paged=False, is_needed=True),
    Method("get_ngi", "NGI", is_scoped=True, instead="get_roc_list"),
    Method("get_site", "SITE", is_scoped=True, is_needed=True),
    Method("get_site_security_info", "SITE", is_scoped=True),
    Method("get_service_endpoint", "SERVICE_ENDPOINT", is_scoped=True, is_needed=True),
    Method("get_service_group", "SERVICE_GROUP", is_scoped=True),
    Method("get_downtime_nested_services", "DOWNTIME", is_scoped=True, is_needed=True),
    Method("get_cert_status_changes", "result", is_paged=False),
    Method("get_project_contacts", "Project", is_paged=False),
    Method("get_user", "EGEE_USER"),
)
_FALLBACKS = {"get_roc_list": Method("get_roc_list", "ROC", is_paged=False, is_needed=True)}


def fetch(client: PiClient, report: Report, advance: Callable[[str], None] = lambda _: None) -> Gocdb:
    """Everything that the other registry tells us. Raises UnreadableSourceError: then nothing was used.

    A method that is refused and not needed is left out, and noted; what only it tells is then left as it is.
    """
    reader = Gocdb(report)
    for method in METHODS:
        advance(method.name)
        try:
            _fetch(client, reader, method)
        except RefusedError as error:
            if method.is_needed:
                raise
            if method.instead:
                _fetch(client, reader, _FALLBACKS[method.instead])
            report.find(
                "note", "file", Place(client.endpoint), method.name, "was refused; what it tells stays as it is here",
                "use an identity that may ask it, if you want it", value=str(error),
            )  # fmt: skip
    return reader


def _fetch(client: PiClient, reader: Gocdb, method: Method) -> None:
    for address, root in client.pages(method.name, is_scoped=method.is_scoped, is_paged=method.is_paged):
        others = {str(child.tag) for child in root} - {"meta", method.element}
        if others:
            raise UnreadableSourceError(
                f"{address}: holds <{min(others)}> where <{method.element}> is expected: its layout has changed; "
                "nothing was changed"
            )
        reader.add_root(address, root, is_page=False)
