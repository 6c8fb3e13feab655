"""What a night searches: the configured space, or the champion's parameters alone."""

from lstm_model.config.pipeline import PipelineConfig
from lstm_model.config.refit import with_these_parameters
from lstm_model.errors import ChampionError
from tasks.progress import print_note
from tasks.tracking.champion import champion_of
from tasks.tracking.version import open_version


def settings_of_tonight(config: PipelineConfig) -> PipelineConfig:
    """Return the configuration of a night; `search.mode: refit` looks the champion up.

    Raises ChampionError if there is no champion, or its parameters do not fit the configuration.
    """
    if config.search.mode == "search":
        return config
    registry = champion_of(config)
    number = registry.require_champion()
    with open_version(registry, number) as version:
        params = version.params
    print_note(f"no search tonight: the parameters are those of version {number}")
    try:
        return with_these_parameters(config, params)
    except ValueError as error:
        reason = " ".join(str(error).split())[:200]
        raise ChampionError(
            f"the parameters of version {number} must fit the configuration but do not: {reason}; "
            f"change the configuration, or run a night with a search"
        ) from error
