"""The one settings object: environment (`GRIDKEEPER_*`) over an optional TOML file over defaults.

Django's settings are made from it (`gridkeeper.settings`); code reads it as `django.conf.settings.GRIDKEEPER`.
"""

import os
import re
import secrets
from functools import cached_property
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Any, ClassVar, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

#: What a test may never reach unless the administrator allows it: cloud metadata, link-local, multicast, loopback.
_DENIED_NETWORKS = ["127.0.0.0/8", "::1/128", "169.254.0.0/16", "fe80::/10", "224.0.0.0/4", "ff00::/8", "0.0.0.0/8"]


class SettingsError(Exception):
    """The settings do not hold together; the message names each setting, its value and what to write instead."""


class Config(BaseSettings):
    """Every setting, with its meaning. `GRIDKEEPER_X` in the environment sets `x`; a TOML file holds `x = ...`."""

    model_config = SettingsConfigDict(env_prefix="GRIDKEEPER_", extra="forbid", frozen=True)
    toml_path: ClassVar[Path | None] = None

    data_dir: Path = Field(Path("gridkeeper-data"), description="Folder of the database, the lake and the secret key.")
    database_url: str = Field("", description="postgresql://user:password@host/name; empty: SQLite in the data folder.")
    lake_url: str = Field("", description="Folder or s3:// URL of the lake; empty: `lake` in the data folder.")
    bus_url: str = Field(
        "",
        description="tls://host:4222 or nats://host:4222, with commas several; empty: no workers elsewhere.",
    )
    bus_name: str = Field(
        "gridkeeper", pattern=r"^[a-z][a-z0-9-]{0,30}$", description="First word of our subjects there."
    )
    bus_credentials: Path | None = Field(
        None, description="File that signs us in there: a .creds file, or the seed of an nkey."
    )
    bus_user: str = Field("", description="User there, where it asks for a password instead.")
    bus_password_file: Path | None = Field(None, description="File of that user's password.")
    bus_ca: Path | None = Field(None, description="PEM file of the CA of its certificate; empty: the system's.")
    bus_cert: Path | None = Field(None, description="PEM file of our certificate, where it asks for one.")
    bus_key: Path | None = Field(None, description="PEM file of its key.")
    worker_name: str = Field(
        "", pattern=r"^[A-Za-z0-9.-]{0,100}$", description="Name of this worker; empty: the name of its host."
    )
    worker_region: str = Field("", description="NGI that this worker stands in, by name.")
    worker_network: str = Field("", description="Network that this worker is attached to.")
    worker_vos: list[str] = Field([], description="VOs that this worker may test for; empty: all.")
    worker_labels: dict[str, str] = Field({}, description="Further labels that rules of tests may ask for.")
    worker_beat_s: float = Field(1.0, ge=0.05, le=60, description="Seconds between two signs of life of a worker.")
    worker_lease_s: float = Field(
        10.0, ge=0.5, le=600, description="Seconds of silence after which a worker's runs are given to another."
    )
    embedded_worker: bool = Field(True, description="False: the scheduler itself runs no test; workers run them all.")
    engine: str = Field(
        "duckdb", description="What figures are computed with: duckdb, or a Spark (spark://host:7077, local[2], yarn)."
    )
    secret_key_file: Path | None = Field(None, description="File of the secret key; empty: made in the data folder.")
    credential_key_file: Path | None = Field(
        None, description="File of the keys that credentials are sealed with; empty: made in the data folder."
    )
    credential_keys: SecretStr = Field(
        SecretStr(""), description="Those keys themselves, newest first, in place of their file."
    )
    federation_name: str = Field("Federation", description="Shown in the top bar of the portal.")
    operations_vo: str = Field("ops", description="VO whose tests stand for VOs that have chosen none.")
    host: str = Field("127.0.0.1", description="Address that the portal listens on.")
    port: int = Field(8000, ge=1, le=65535, description="TCP port of the portal.")
    web_workers: int = Field(2, ge=1, le=64, description="Web processes.")
    allowed_hosts: list[str] = Field(["127.0.0.1", "localhost", "[::1]"], description="Host names that we answer to.")
    behind_tls: bool = Field(False, description="True where a proxy ends TLS: cookies become secure, HSTS is sent.")
    public_reading: bool = Field(True, description="False: every page and API call asks for sign-in.")
    read_only: bool = Field(False, description="True: nobody changes anything by page or API; reading stays open.")
    client_dn_header: str = Field(
        "", description="Header in which a proxy gives the subject of a client certificate; empty: it gives none."
    )
    client_verify_header: str = Field(
        "X-Client-Verify", description="Header in which it says SUCCESS, NONE or FAILED:reason of that certificate."
    )
    trusted_proxies: list[IPv4Network | IPv6Network] = Field(
        [], description="Addresses of that proxy; the two headers from anywhere else are refused."
    )
    tls_cert: Path | None = Field(
        None, description="PEM file of our certificate with its chain: serves HTTPS directly."
    )
    tls_key: Path | None = Field(None, description="PEM file of its key.")
    tls_client_ca: Path | None = Field(
        None, description="PEM file of the CAs of client certificates; empty: none asked."
    )
    oidc_issuer: str = Field("", description="OpenID Connect: URL of the issuer; empty: no such sign-in.")
    oidc_name: str = Field("OpenID Connect", description="What the button to sign in there says.")
    oidc_client_id: str = Field("", description="What the issuer calls this portal.")
    oidc_client_secret_file: Path | None = Field(None, description="File of its secret there; empty: a public client.")
    oidc_audiences: list[str] = Field(
        [], description="Audiences by which a token of the issuer opens the API; empty: none does."
    )
    role_map: Path | None = Field(None, description="TOML file of a role map of your own; empty: the built-in one.")
    base_url: str = Field("", description="https://host of the portal as others reach it; empty: as each request says.")
    debug: bool = Field(False, description="Detailed error pages; never in production.")
    log_format: Literal["console", "json"] = Field("console", description="json for log collectors.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="Least level that is logged.")
    mail_from: str = Field("gridkeeper@localhost", description="Sender of our mail.")
    smtp_host: str = Field("localhost", description="Server that takes our mail.")
    smtp_port: int = Field(25, ge=1, le=65535, description="Its TCP port.")
    smtp_user: str = Field("", description="Account there; empty: none is needed.")
    smtp_password_file: Path | None = Field(None, description="File of that account's password.")
    smtp_security: Literal["", "starttls", "tls"] = Field("", description="starttls (port 587), tls (465), or neither.")
    denied_networks: list[IPv4Network | IPv6Network] = Field(
        [], validate_default=True, description="Networks that no test may reach; default: loopback, link-local, ..."
    )
    trusted_certificates: Path | None = Field(
        None,
        description="PEM file, or folder of hashed names as /etc/grid-security/certificates, that tests over TLS trust "
        "where they name none; empty: the system's.",
    )
    plugin_dirs: list[Path] = Field(
        [Path("/usr/lib/nagios/plugins")], description="Folders whose programs a test may run as plugins."
    )
    probe_concurrency: int = Field(200, ge=1, le=10_000, description="Test runs in flight at once in one worker.")
    probe_per_host: int = Field(4, ge=1, le=100, description="Test runs at once against one host.")
    probe_per_site: int = Field(32, ge=0, le=10_000, description="Test runs at once against one site; 0: no limit.")
    probe_processes: int = Field(
        0, ge=0, le=64, description="Further processes for native checks; 0: they run in the engine's own."
    )
    log_limit_bytes: int = Field(64 * 1024, ge=1024, description="Kept of the output of one test run; a cut says so.")
    upload_limit_bytes: int = Field(32 * 1024 * 1024, ge=1024, description="Largest body of a request.")
    results_retention_days: int = Field(400, ge=2, description="Days that raw results are kept.")
    logs_retention_days: int = Field(90, ge=2, description="Days that logs of results are kept.")
    demo: bool = Field(False, description="Set by `gridkeeper demo`: shows the demo's accounts and allows loopback.")
    speed: float = Field(1.0, gt=0, le=100, description="Divides the interval of every test; for demonstrations.")

    @field_validator("denied_networks", mode="before")
    @classmethod
    def _default_networks(cls, value: Any) -> Any:
        return value or _DENIED_NETWORKS

    @field_validator("bus_url")
    @classmethod
    def _bus_is_known(cls, value: str) -> str:
        for one in value.split(",") if value else ():
            address = urlsplit(one.strip())
            if address.scheme not in {"nats", "tls"} or not address.hostname:
                raise ValueError("write tls://host:4222 or nats://host:4222, several with commas between them")
            if address.username or address.password:
                raise ValueError("a password stands in no URL; use bus_credentials, or bus_user and bus_password_file")
        return value

    @field_validator("engine")
    @classmethod
    def _engine_is_known(cls, value: str) -> str:
        if not re.fullmatch(r"duckdb|local\[(\d+|\*)\]|spark://[^/\s]+|k8s://\S+|yarn", value):
            raise ValueError("write duckdb, or a Spark: spark://host:7077, k8s://https://host:6443, yarn or local[2]")
        return value

    @field_validator("oidc_issuer")
    @classmethod
    def _issuer_is_secure(cls, value: str) -> str:
        address = urlsplit(value)
        is_near = address.hostname in {"127.0.0.1", "::1", "localhost"}
        if value and not (address.hostname and (address.scheme == "https" or (address.scheme == "http" and is_near))):
            raise ValueError("write the issuer's https:// address, as its own configuration gives it")
        return value

    @model_validator(mode="after")
    def _sign_in_is_whole(self) -> Self:
        if self.oidc_issuer and not self.oidc_client_id:
            raise ValueError("oidc_issuer needs oidc_client_id: register this portal there")
        if self.client_dn_header and not (self.trusted_proxies and self.client_verify_header):
            raise ValueError(
                "client_dn_header needs trusted_proxies and client_verify_header, or anybody could send it"
            )
        if bool(self.tls_cert) != bool(self.tls_key):
            raise ValueError("tls_cert and tls_key belong together: set both or neither")
        if self.tls_client_ca and not self.tls_cert:
            raise ValueError("tls_client_ca needs tls_cert and tls_key: a certificate is asked for over TLS only")
        return self

    @model_validator(mode="after")
    def _bus_is_whole(self) -> Self:
        if bool(self.bus_user) != bool(self.bus_password_file):
            raise ValueError("bus_user and bus_password_file belong together: set both or neither")
        if self.bus_user and self.bus_credentials:
            raise ValueError("bus_credentials and bus_user are two ways to sign in: set one of them")
        if bool(self.bus_cert) != bool(self.bus_key):
            raise ValueError("bus_cert and bus_key belong together: set both or neither")
        if self.worker_lease_s < 3 * self.worker_beat_s:
            raise ValueError(
                "worker_lease_s must be at least three times worker_beat_s, or one lost beat costs a lease"
            )
        return self

    @property
    def is_tls(self) -> bool:
        """True where readers reach us by HTTPS, ended by a proxy or by ourselves."""
        return self.behind_tls or self.tls_cert is not None

    @property
    def lake(self) -> str:
        """Where the lake's tables lie: a folder or an s3:// URL."""
        return self.lake_url or str(self.data_dir.absolute() / "lake")

    @property
    def database(self) -> str:
        return self.database_url or f"sqlite:///{self.data_dir.absolute() / 'state.sqlite3'}"

    @cached_property
    def smtp_password(self) -> str:
        """Read from its file. Raises SettingsError where it cannot be."""
        return _secret_in("GRIDKEEPER_SMTP_PASSWORD_FILE", self.smtp_password_file)

    @cached_property
    def bus_password(self) -> str:
        """Read from its file. Raises SettingsError where it cannot be."""
        return _secret_in("GRIDKEEPER_BUS_PASSWORD_FILE", self.bus_password_file)

    @cached_property
    def oidc_client_secret(self) -> str:
        """Read from its file. Raises SettingsError where it cannot be."""
        return _secret_in("GRIDKEEPER_OIDC_CLIENT_SECRET_FILE", self.oidc_client_secret_file)

    @cached_property
    def secret_key(self) -> str:
        """Read from its file; made there on first use, readable by its owner alone."""
        path = self.secret_key_file or self.data_dir / "secret-key"
        try:
            if not path.exists():
                _make_secret(path)
            return path.read_text().strip()
        except OSError as error:
            raise SettingsError(
                f"cannot keep the secret key in {path}: {error.strerror}; name a folder that its user may write in"
            ) from error

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        sources = [init_settings, env_settings]
        if cls.toml_path:
            sources.append(TomlConfigSettingsSource(settings_cls, cls.toml_path))
        return tuple(sources)


def _secret_in(setting: str, path: Path | None) -> str:
    if path is None:
        return ""
    try:
        return path.read_text().strip()
    except OSError as error:
        raise SettingsError(f"{setting}={path}: {error.strerror}; name a readable file") from error


def _make_secret(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:  # another process was first; its key is as good
        return
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_urlsafe(48) + "\n")


def load_config() -> Config:
    """The settings of this process. Raises SettingsError naming every setting that is wrong.

    `GRIDKEEPER_CONFIG` names the TOML file; without it `/etc/gridkeeper/gridkeeper.toml` is read where it exists.
    """
    named = os.environ.get("GRIDKEEPER_CONFIG")
    path = Path(named or "/etc/gridkeeper/gridkeeper.toml")
    if named and not path.is_file():
        raise SettingsError(f"GRIDKEEPER_CONFIG names {path}, which is not a file; correct it or unset it")
    Config.toml_path = path if path.is_file() else None
    known = {f"GRIDKEEPER_{name.upper()}" for name in Config.model_fields} | {"GRIDKEEPER_CONFIG"}
    known |= {"GRIDKEEPER_REQUIRE_SERVICES"}
    strangers = sorted(name for name in os.environ if name.startswith("GRIDKEEPER_") and name not in known)
    if strangers:
        raise SettingsError(f"unknown settings {', '.join(strangers)}; `gridkeeper check --list` names all settings")
    try:
        return Config()
    except (ValidationError, ValueError) as error:
        raise SettingsError(_in_words(error)) from error


def _in_words(error: Exception) -> str:
    if not isinstance(error, ValidationError):
        return str(error)
    lines = [
        f"{'.'.join(str(part) for part in item['loc'])}: {item['msg']} (got {item.get('input')!r:.80})"
        for item in error.errors()
    ]
    return "; ".join(lines)
