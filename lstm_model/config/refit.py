"""A night without a search: the space has the champion's parameters and nothing else."""

from lstm_model.config.pipeline import PipelineConfig
from lstm_model.search.distributions import Choice
from lstm_model.search.hyper_params import Params


def with_these_parameters(config: PipelineConfig, params: Params) -> PipelineConfig:
    """Return the configuration of a night that tries one configuration, once.

    It validates as every configuration does, so parameters that no longer fit, such as a sequence
    that is longer than the windows, are refused. Raises ValidationError, a ValueError.
    """
    space = {name: Choice(type="categorical", choices=(value,)) for name, value in params.items()}
    search = config.search.model_dump() | {
        "space": space, "trials": 1, "examples": 0, "warm_start": 0,
    }  # fmt: skip
    return PipelineConfig.model_validate(config.model_dump() | {"search": search})
