"""Claims about a night without a search: one configuration is tried, exactly as it was."""

import pytest

from lstm_model.config.loader import parse_config
from lstm_model.config.refit import with_these_parameters
from lstm_model.search.hyper_params import HyperParams
from lstm_model.search.sampling import ProposalSettings, propose

CONFIG = parse_config({"data": {"tickers": ["X"]}, "windows": {"length": 30}})
PARAMS = HyperParams(hidden_size=24, lr=0.00123, layer_norm=True, optimiser="adamw", dropout=0.1)


def test_the_only_proposal_is_the_champions() -> None:
    """The space proposes the same parameters, extensions included, whatever the seed."""
    config = with_these_parameters(CONFIG, PARAMS.to_dict())
    assert (config.search.trials, config.search.examples, config.search.warm_start) == (1, 0, 0)
    for seed in range(3):
        settings = ProposalSettings(seed, "s", config.active_space, 5)
        assert propose(0, settings, [], []) == PARAMS
    assert config.training == CONFIG.training


def test_parameters_that_do_not_fit_are_refused() -> None:
    """A sequence longer than the windows cannot be trained."""
    with pytest.raises(ValueError, match=r"sequence_length must be <= windows\.length"):
        with_these_parameters(CONFIG, HyperParams(sequence_length=60).to_dict())
