"""What may stand in a call-out. Pure, so that the settings can name it."""

from typing import Any


def allow_callout(config: Any, allowed: dict[str, Any]) -> None:
    """Add ``<div class="callout" role="note">`` to what the cleaner leaves in rich text."""
    allowed["tags"].add("div")
    allowed.setdefault("allowed_classes", {}).setdefault("div", set()).add("callout")
    allowed.setdefault("tag_attribute_values", {}).setdefault("div", {})["role"] = {"note"}
