"""The TLS options of a PostgreSQL URL: libpq's names, translated to asyncpg's arguments."""

import ssl
from typing import Any
from urllib.parse import urlencode

from tokenpair.errors import ConfigurationError

# asyncpg accepts these only in a URL.
TLS_OPTIONS = (
    "sslmode",
    "sslcert",
    "sslkey",
    "sslpassword",
    "sslrootcert",
    "sslcrl",
    "ssl_min_protocol_version",
    "ssl_max_protocol_version",
)
_SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_TLS_VERSIONS = ("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")


def refused(name: str, advice: str) -> ConfigurationError:
    """Return the error for an invalid or unsupported option."""
    return ConfigurationError(f"the database URL: {name}: {advice}")


def tls_arguments(rest: dict[str, str]) -> dict[str, Any]:
    """Remove the TLS options from `rest`, and return asyncpg's arguments for them."""
    _translate_synonyms(rest)
    given = {name: rest.pop(name) for name in TLS_OPTIONS if name in rest}
    if given.get("sslmode", "prefer") not in _SSL_MODES:
        raise refused("sslmode", f"must be one of {', '.join(_SSL_MODES)}")
    for name in ("ssl_min_protocol_version", "ssl_max_protocol_version"):
        if given.get(name, "TLSv1.2") not in _TLS_VERSIONS:
            raise refused(name, f"must be one of {', '.join(_TLS_VERSIONS)}")
    arguments: dict[str, Any] = {}
    if rest.get("sslnegotiation") == "direct":
        if given.get("sslmode") not in {"require", "verify-ca", "verify-full"}:
            raise refused("sslnegotiation", "direct needs sslmode=require, or a stricter one")
        del rest["sslnegotiation"]
        arguments["direct_tls"] = True
    if given.get("sslrootcert") == "system":
        return arguments | {"ssl": _system_context(given)}
    _load_files(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), given)
    return arguments | ({"dsn": f"postgresql://?{urlencode(given)}"} if given else {})


def _translate_synonyms(rest: dict[str, str]) -> None:
    """Replace `ssl=true` and `requiressl=1` by libpq's `sslmode`, as libpq does."""
    if rest.get("requiressl") == "1":
        del rest["requiressl"]
        rest.setdefault("sslmode", "require")
    if "ssl" in rest:
        mode = rest.pop("ssl")
        if mode not in {"true", *_SSL_MODES}:
            raise refused("ssl", "must be true; for other modes, set sslmode")
        rest.setdefault("sslmode", "require" if mode == "true" else mode)


def _system_context(given: dict[str, str]) -> ssl.SSLContext:
    """Return a context that trusts this machine's authorities, as libpq does since version 16."""
    if given.get("sslmode", "verify-full") != "verify-full":
        raise refused("sslrootcert", "system needs sslmode=verify-full")
    context = ssl.create_default_context()
    context.set_alpn_protocols(["postgresql"])
    _load_files(context, given)
    for name, attribute in (
        ("ssl_min_protocol_version", "minimum_version"),
        ("ssl_max_protocol_version", "maximum_version"),
    ):
        if name in given:
            setattr(context, attribute, ssl.TLSVersion[given[name].replace(".", "_")])
    return context


def _load_files(context: ssl.SSLContext, given: dict[str, str]) -> None:
    """Load the named certificates, so that an invalid file stops the start."""
    name = ""
    try:
        for name in ("sslrootcert", "sslcrl"):
            if given.get(name, "system") != "system":
                context.load_verify_locations(given[name])
        if "sslcert" in given:
            name = "sslcert, sslkey"
            password = given.get("sslpassword", "")
            context.load_cert_chain(given["sslcert"], given.get("sslkey"), lambda: password)
    except ssl.SSLError as exc:
        raise _refused_file(name, "is not a valid PEM file") from exc
    except OSError as exc:
        raise _refused_file(name, f"cannot be read: {exc.strerror}") from exc


def _refused_file(name: str, reason: str) -> ConfigurationError:
    return refused(name, f"the file {reason}")
