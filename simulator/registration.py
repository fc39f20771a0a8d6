"""Makes phones known to a Traccar server over REST, as its administrator would, where we may sign in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import httpx2
import msgspec
import stamina

from itrack.errors import FixConfiguration, TryAgain
from itrack.loopback import is_loopback
from itrack.settings import Settings

__all__ = ["Registration", "register_devices"]


class Registration(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it.

    Attributes:
        created: devices that are new.
        known: devices that were there already.
        refused: unique ids that Traccar would not create; another user may own them.
        sentence: why nothing was done, empty otherwise.
    """

    created: int = 0
    known: int = 0
    refused: tuple[str, ...] = ()
    sentence: str = ""


def register_devices(
    unique_ids: Iterable[str], settings: Settings, names: Mapping[str, str] | None = None
) -> Registration:
    """Create the devices that Traccar does not know yet.

    Args:
        unique_ids: what the phones call themselves.
        settings: where Traccar is and how to sign in.
        names: what people call them, by unique id; the unique id itself where it is absent.

    Signs in with the token, or the e-mail and password, of the settings, or with the token that the stand-in of the
    local stack left behind. Without any of these nothing is done: a person has registered the phones.

    Raises:
        TryAgain: Traccar did not answer within half a minute.
        FixConfiguration: Traccar refuses the sign-in.
    """
    token = _token(settings)
    if token is None and settings.traccar_email is None:
        return Registration(sentence="No Traccar sign-in is set, so no device was registered: Traccar must know them.")
    headers = {"Authorization": f"Bearer {token}"} if token is not None else {}
    address = settings.traccar_address
    with httpx2.Client(base_url=address, headers=headers, timeout=15, trust_env=not is_loopback(address)) as client:
        if token is None and settings.traccar_email is not None and settings.traccar_password is not None:
            form = {"email": settings.traccar_email, "password": settings.traccar_password.get_secret_value()}
            _ask(client, "POST", "/api/session", data=form)
        listed = _listed(_ask(client, "GET", "/api/devices", params={"all": "true"}), client)
        known = {device["uniqueId"] for device in listed}
        wanted = list(dict.fromkeys(unique_ids))
        missing = [unique_id for unique_id in wanted if unique_id not in known]
        refused = [
            unique_id
            for unique_id in missing
            if not _create(client, unique_id, (names or {}).get(unique_id, unique_id))
        ]
    return Registration(created=len(missing) - len(refused), known=len(wanted) - len(missing), refused=tuple(refused))


def _token(settings: Settings) -> str | None:
    if settings.traccar_token is not None:
        return settings.traccar_token.get_secret_value()
    if settings.traccar_url is None and settings.traccar_email is None and settings.stand_in_token_file.exists():
        return settings.stand_in_token_file.read_text()
    return None


def _create(client: httpx2.Client, unique_id: str, name: str) -> bool:
    return _ask(client, "POST", "/api/devices", json={"name": name, "uniqueId": unique_id}).status_code == 200


def _listed(answer: httpx2.Response, client: httpx2.Client) -> list[dict[str, Any]]:
    try:
        listed: list[dict[str, Any]] = answer.json()
    except ValueError as error:
        raise FixConfiguration(
            f"{client.base_url} answers /api/devices with something that is no list: is ITRACK_TRACCAR_URL a Traccar, "
            "and does no proxy before it show a page of its own?"
        ) from error
    return listed


@stamina.retry(on=TryAgain, attempts=None, timeout=30.0, wait_max=2.0)
def _ask(client: httpx2.Client, method: str, path: str, **body: object) -> httpx2.Response:
    try:
        answer = client.request(method, path, **body)  # type: ignore[arg-type]
    except httpx2.TransportError as error:
        raise TryAgain(
            f"Traccar at {client.base_url} does not answer ({type(error).__name__}): is it running, and is "
            "ITRACK_TRACCAR_URL right?"
        ) from error
    if answer.status_code == 401:
        raise FixConfiguration(
            f"Traccar at {client.base_url} refuses the sign-in: set ITRACK_TRACCAR_TOKEN, or ITRACK_TRACCAR_EMAIL and "
            "ITRACK_TRACCAR_PASSWORD, to those of a user who may create devices."
        )
    if answer.status_code >= 500:
        raise TryAgain(f"Traccar at {client.base_url} answers {answer.status_code}: look at its log.")
    return answer
