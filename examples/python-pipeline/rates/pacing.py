"""How fast an upstream may be used: the host's word, for all its instances."""

from wit_world.imports import pace


def reserve(upstream: str, units: int) -> int:
    """Zero: send now, and report what came of it. Else: ask again after so many
    milliseconds. With no units: what is left of a pause."""
    match pace.reserve(upstream, units):
        case pace.Turn_After(wait_ms):
            return wait_ms
        case _:
            return 0


def report(upstream: str, accepted: int = 0, refused: int = 0, pause_ms: int | None = None) -> None:
    pace.report(upstream, pace.Observation(accepted, refused, pause_ms, None, None, None))
