"""AWS credentials, region and allowed origins → the component's environment.

The component reads the variables that AWS's own tools read, `ROWCAST_ALLOW`, and
those that a source's credentials refer to, `ROWCAST_SECRET_…`. It gets these and
nothing else of this process's environment, and each call only its own.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from rowcast.failure import PermanentInvalid

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
REGIONS = ("AWS_REGION", "AWS_DEFAULT_REGION")
ENDPOINTS = ("AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL")
IGNORE_ENDPOINTS = "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"
ALLOW = "ROWCAST_ALLOW"

SECRETS = "ROWCAST_SECRET_"
"""What the names begin with that `${…}` in a source's credentials may refer to."""

VARIABLES = (*KEYS, *REGIONS, *ENDPOINTS, IGNORE_ENDPOINTS, ALLOW)
"""What the component is told of this process's environment, besides secrets."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """An AWS access key; only its id is shown."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)


Provider: TypeAlias = "Callable[[], Credentials]"
"""Asked before every call, so that credentials may expire and be renewed."""


class _Frozen(Protocol):
    access_key: str
    secret_key: str
    token: str | None


class _Session(Protocol):
    def get_credentials(self) -> Any: ...


def of_session(session: _Session) -> Provider:
    """The credentials of a `boto3` or `botocore` session, renewed as it renews them.

    This reaches what the environment doesn't hold: profiles, SSO, and the roles
    of containers, pods and instances.
    """

    def provide() -> Credentials:
        held = session.get_credentials()
        if held is None:
            raise PermanentInvalid("find AWS credentials: this session has none")
        frozen: _Frozen = held.get_frozen_credentials()
        return Credentials(frozen.access_key, frozen.secret_key, frozen.token)

    return provide


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """What the component's environment is made of, before each call."""

    variables: Mapping[str, str] = field(repr=False)
    # A provider may be a `partial`, which shows its arguments.
    credentials: Credentials | Provider | None = field(default=None, repr=False)
    allow: tuple[str, ...] | None = None

    def for_dynamodb(self) -> dict[str, str]:
        """For `load`, `query` and `explain`: credentials, and no source to reach.

        The list is the source's; where DynamoDB is, region and endpoint say.
        """
        found = {name: held for name, held in self.variables.items() if not _is_secret(name)}
        match self.credentials:
            case None:
                pass
            case Credentials() as held:
                found.update(_keys(held))
            case provide:
                found.update(_keys(provide()))
        return found | {ALLOW: ""}

    def for_source(self, origins: Callable[[], Iterable[str]]) -> dict[str, str]:
        """For `extract`: the source's secrets, and the origins that it may reach.

        `origins` are the source's own, asked for where nothing else is said.
        """
        secrets = {name: held for name, held in self.variables.items() if _is_secret(name)}
        # A list is always given: wasmtime-py has no limits of its own.
        if self.allow is not None:
            allowed = ",".join(self.allow)
        elif ALLOW in self.variables:
            allowed = self.variables[ALLOW]
        else:
            allowed = ",".join(origins())
        return secrets | {ALLOW: allowed}

    def for_transfer(self, origins: Callable[[], Iterable[str]]) -> dict[str, str]:
        """For `transfer`: both."""
        return self.for_dynamodb() | self.for_source(origins)


def of_process() -> dict[str, str]:
    """This process's variables, as far as the component knows them."""
    secrets = filter(_is_secret, os.environ)
    return {name: held for name in (*VARIABLES, *secrets) if (held := os.environ.get(name))}


def _is_secret(name: str) -> bool:
    return name.startswith(SECRETS)


def _keys(credentials: Credentials) -> dict[str, str]:
    held = (
        credentials.access_key_id,
        credentials.secret_access_key,
        # A token of the process would belong to another key. Empty is unset.
        credentials.session_token or "",
    )
    return dict(zip(KEYS, held, strict=True))
