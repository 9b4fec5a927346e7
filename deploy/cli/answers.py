"""How commands end: 0 as asked, 1 the answer is no, 2 wrong usage, 3 not reachable."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import typer
from pydantic import ValidationError
from rich.console import Console

from agents.asking.plain import plain
from agents.clients.errors import ClientError, Refused
from deploy.errors import Unready, Unusable
from deploy.local.errors import PartNotReady

NO = 1
WRONG_USAGE = 2
NOT_REACHABLE = 3

console = Console(highlight=False)
errors = Console(stderr=True, highlight=False)

_ADVICE = "`vereflow doctor` says what to do"


@contextmanager
def plain_errors() -> Iterator[None]:
    """Turn what users can cause into one line and the right exit code."""
    try:
        yield
    except ValidationError as error:
        raise _stop(_first(error), WRONG_USAGE) from None
    except Unusable as error:
        raise _stop(str(error), WRONG_USAGE) from None
    except Refused as error:
        # No credentials, or none that suffice.
        raise _stop(f"{error}; {_ADVICE}", WRONG_USAGE) from None
    except (PartNotReady, Unready) as error:
        raise _stop(str(error), NOT_REACHABLE) from None
    except unreachable() as error:
        said = str(error) or type(error).__name__
        raise _stop(f"not reachable: {said}; {_ADVICE}", NOT_REACHABLE) from None
    except ValueError as error:
        raise _stop(str(error), WRONG_USAGE) from None


def unreachable() -> tuple[type[Exception], ...]:
    """Return the errors of those who do not answer, or not as hoped."""
    # Asked for once there is an error: most commands end without one, and without this client.
    from aiokafka.errors import KafkaError

    return (ClientError, KafkaError, OSError, PartNotReady, TimeoutError, Unready)


def failures() -> tuple[type[Exception], ...]:
    """Return the errors by which one look of several may fail without the others."""
    return (*unreachable(), Unusable, ValueError)


def warn(lines: Iterable[str]) -> None:
    """Say beside the answer what it lacks."""
    for line in lines:
        errors.print(f"vereflow: {line}", markup=False, soft_wrap=True)


def _stop(message: str, status: int) -> typer.Exit:
    # Only a worker's log has more lines than one; a server's words must not steer the terminal.
    warn(["\n".join(map(plain, message.splitlines()))])
    return typer.Exit(status)


def _first(error: ValidationError) -> str:
    # Never the input: it may be a password.
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    name = "__".join(str(step) for step in first["loc"])
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    message = first["msg"].removeprefix("Value error, ")
    return f"setting {name or 'as a whole'}: {message}{more}"
