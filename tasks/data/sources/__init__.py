"""Sources of raw bars; `open_source` opens the one that the configuration names."""

from tasks.data.sources.bar_source import BarSource
from tasks.data.sources.plug_ins import open_source, require_sources

__all__ = ["BarSource", "open_source", "require_sources"]
