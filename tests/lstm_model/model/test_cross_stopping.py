"""Claims about forecasts of validation that were not stopped on their own half."""

import numpy as np
import pytest

from lstm_model.data.windows import WindowSet
from lstm_model.model.cross_stopping import CrossStopping
from lstm_model.model.early_stopping import fit
from lstm_model.model.training import TrainingSettings, build_network, forecast, train_epochs
from lstm_model.search.hyper_params import HyperParams
from tests.lstm_model.model.test_training import SMALL, TRAIN, VALIDATION

DATES = np.array([1, 1, 2, 2, 3, 3, 4, 4])


def test_each_half_is_forecast_by_the_others_epoch() -> None:
    """The first half likes epoch 2, the second epoch 1; each gets the other's forecasts."""
    cross = CrossStopping(DATES, DATES, np.zeros(8))
    first, second = DATES < 3, DATES >= 3
    for number, (early, late) in enumerate([(3.0, 1.0), (1.0, 2.0), (2.0, 3.0)], start=1):
        cross.see(np.where(first, early, late) * (1 + number / 100))
    # Epoch 1 is the second half's best and forecasts the first; epoch 2 the other way round.
    np.testing.assert_allclose(cross.forecasts[first], 3.0 * 1.01)
    np.testing.assert_allclose(cross.forecasts[second], 2.0 * 1.02)


def test_a_label_that_reaches_into_the_other_half_has_no_part() -> None:
    """The last date before the middle has a label there: it does not choose and is not forecast."""
    cross = CrossStopping(DATES, DATES + 1, np.zeros(8))
    cross.see(np.full(8, 1.0))
    cross.see(np.select([DATES == 1, DATES == 2], [1.2, 0.0], 9.0))
    np.testing.assert_array_equal(cross.forecasts, [1, 1, np.nan, np.nan, 1, 1, 1, 1])


@pytest.mark.parametrize("half", [0, 1])
def test_its_own_labels_do_not_matter(half: int) -> None:
    """Other labels in one half change no forecast of that half, as long as training goes on."""
    network, dates = build_network(3, SMALL, 7), np.arange(len(VALIDATION))
    mine = dates < 20 if half == 0 else dates >= 20
    found = []
    for scale in (1.0, -3.0):
        labels = VALIDATION.labels.double().numpy().copy()
        labels[mine] *= scale
        cross = CrossStopping(dates, dates + 1, labels)
        network = build_network(3, SMALL, 7)
        settings = TrainingSettings(7, 1.0)
        for _ in train_epochs(network, SMALL, TRAIN, VALIDATION, settings, 8, watch=cross.see):
            pass
        found.append(cross.forecasts)
    np.testing.assert_array_equal(found[0][mine], found[1][mine])
    assert not np.array_equal(found[0][~mine], found[1][~mine], equal_nan=True)


def test_a_single_date_has_no_other_half() -> None:
    """Without two halves there is no forecast."""
    cross = CrossStopping(np.ones(4, dtype=int), np.full(4, 2), np.zeros(4))
    cross.see(np.ones(4))
    assert np.isnan(cross.forecasts).all()


def test_stopping_on_noise_flatters_and_crossing_does_not() -> None:
    """Where nothing is predictable, the best epoch's R2 on its own block is too high.

    Over 60 trainings on noise, early-stopped losses are below those of the cross-stopped forecasts.
    """
    params = HyperParams(hidden_size=4, num_layers=1, dropout=0.0, lr=0.02, batch_size=16)
    gaps = []
    for seed in range(60):
        draws = np.random.default_rng(seed)
        validation = noise(VALIDATION, draws)
        cross = CrossStopping(np.arange(40), np.arange(1, 41), validation.labels.double().numpy())
        found = fit(
            build_network(3, params, seed), params, noise(TRAIN, draws), validation,
            TrainingSettings(seed, 1.0), patience=6, max_epochs=12, watch=cross.see,
        )  # fmt: skip
        truth = validation.labels.double().numpy()
        own = np.mean((forecast(found.network, validation) - truth) ** 2)
        gaps.append(np.nanmean((cross.forecasts - truth) ** 2) - own)
    assert np.mean(gaps) > 2 * np.std(gaps) / np.sqrt(60)


def noise(windows: WindowSet, draws: np.random.Generator) -> WindowSet:
    """Return the same windows with labels that they say nothing about."""
    labels = draws.normal(size=len(windows)).astype(np.float32)
    return WindowSet(windows.rows, windows.ends, type(windows.labels)(labels), windows.length)
