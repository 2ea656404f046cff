"""CSL templates are checked by who can read them: pyflame-csl offers its front end by an entry point."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .declaration import CSLTemplateInfo

GROUP = "pyflame.template_checks"


def check_template(op: str, template: CSLTemplateInfo) -> None:
    """Let each installed front end check a template; theirs are the exceptions.

    Raises:
        ValueError: the template has no text.
    """
    if not template.source.strip():
        raise ValueError(f"[{op}] csl_template is empty: pass the source, or None for no template")
    for check in _checks():
        check(op, template)


@lru_cache(maxsize=1)
def _checks() -> tuple[Callable[[str, CSLTemplateInfo], None], ...]:
    from .._entry_points import readable

    return tuple(point.load() for _, point in readable(GROUP))
