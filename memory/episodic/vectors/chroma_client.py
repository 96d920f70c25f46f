"""Connections to a local Chroma folder or a Chroma server."""

import http.client
import ssl
from urllib.parse import unquote, urlsplit

import chromadb
import httpx
from chromadb.api import ClientAPI
from chromadb.api.shared_system_client import SharedSystemClient
from chromadb.config import DEFAULT_DATABASE, DEFAULT_TENANT, Settings

from memory.episodic.vectors.vector_backend import TIER, ChromaLocation
from memory.errors import TierUnavailable


def connect(location: ChromaLocation, name: str = "") -> ClientAPI:
    """Connect to the server, or open the folder.

    Args:
        location: where the vectors are.
        name: a suffix of the path, still to the same folder: clients of one path share open collections.

    Raises:
        TierUnavailable: the URL is invalid, or the server does not answer.
    """
    return _local(location, name) if location.local else _remote(location)


def disconnect(client: ClientAPI) -> None:
    """Close the connections. A folder's files close with the last client that shares them."""
    for session in _sessions(client):
        session.close()
    close = getattr(client, "close", None)
    if close is not None:
        close()


def _local(location: ChromaLocation, name: str) -> ClientAPI:
    location.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = str(location.folder) + name
    try:
        return chromadb.PersistentClient(path, settings=Settings(_env_file=None, anonymized_telemetry=False))
    except BaseException:  # else Chroma would reuse the half-open engine for this path
        SharedSystemClient._identifier_to_system.pop(path, None)
        raise


def _remote(location: ChromaLocation) -> ClientAPI:
    url = urlsplit(location.url.get_secret_value())
    place = [unquote(part) for part in url.path.split("/") if part]
    if url.scheme not in ("http", "https") or not url.hostname or len(place) not in (0, 2):
        raise TierUnavailable(
            TIER,
            f"{location} is not the address of a Chroma server, such as http://host:8000, or"
            " https://api.trychroma.com/TENANT/DATABASE for one with tenants",
        )
    secure = url.scheme == "https"
    port = url.port or (443 if secure else 8000)
    _check_server(url.hostname, port, secure=secure, timeout=location.timeout)
    token = unquote(url.username or "")
    headers = {"Authorization": f"Bearer {token}", "X-Chroma-Token": token} if token else {}
    settings = Settings(_env_file=None, anonymized_telemetry=False)
    tenant, database = place or (DEFAULT_TENANT, DEFAULT_DATABASE)
    client = chromadb.HttpClient(url.hostname, port, secure, headers, settings, tenant, database)
    for session in _sessions(client):
        session.timeout = httpx.Timeout(location.timeout)
    return client


def _sessions(client: ClientAPI) -> list[httpx.Client]:
    """Return the HTTP clients inside a Chroma client, which sets no timeout on them and never closes them."""
    servers = [getattr(part, "_server", None) for part in (client, getattr(client, "_admin_client", None))]
    sessions = [getattr(server, "_session", None) for server in servers]
    return [session for session in sessions if isinstance(session, httpx.Client)]


def _check_server(host: str, port: int, *, secure: bool, timeout: float) -> None:
    """Check that the server answers, because Chroma's own first request has no timeout."""
    if secure:
        context = ssl.create_default_context()
        connection: http.client.HTTPConnection = http.client.HTTPSConnection(
            host, port, timeout=timeout, context=context
        )
    else:
        connection = http.client.HTTPConnection(host, port, timeout=timeout)
    try:
        connection.request("GET", "/api/v2/heartbeat")
        connection.getresponse().read()
    finally:
        connection.close()
