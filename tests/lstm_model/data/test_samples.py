"""Claims about samples: the configuration's scaling and window length, on the same bars."""

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
import torch

from lstm_model.data.scaling import Scaler
from lstm_model.data.views import Rows
from lstm_model.data.windows import scale_blocks, scaled_tensor, window_set
from lstm_model.errors import ConfigError
from lstm_model.search.hyper_params import HyperParams

TRAIN, VALIDATION = np.arange(9, 60), np.arange(70, 90)


@pytest.fixture
def rows(make_rows: Callable[..., Rows]) -> Rows:
    return make_rows(100, length=10)


def test_defaults_are_standard_scaling_of_whole_windows(rows: Rows) -> None:
    """Without extensions blocks are what scaler, tensor and windows give by themselves."""
    scaler, (train, validation) = scale_blocks(rows, TRAIN, HyperParams(), TRAIN, VALIDATION)
    plain = Scaler.fit(rows, TRAIN)
    for block, ends in ((train, TRAIN), (validation, VALIDATION)):
        expected = window_set(scaled_tensor(rows, plain), rows, ends, plain)
        assert torch.equal(block.rows, expected.rows)
        assert torch.equal(block.labels, expected.labels)
        assert torch.equal(block.ends, expected.ends)
        assert block.length == expected.length
    assert scaler.label_sd == plain.label_sd
    assert train.rows.data_ptr() == validation.rows.data_ptr()


def test_a_shorter_sequence_ends_on_the_same_bars(rows: Rows) -> None:
    """The samples stay, their windows are the last bars of the long ones."""
    short = HyperParams(sequence_length=4)
    _, (block,) = scale_blocks(rows, TRAIN, short, TRAIN)
    assert len(block) == len(TRAIN)
    windows, labels = block.batch(torch.arange(len(block)))
    assert windows.shape[1] == 4
    assert torch.equal(windows[:, -1], block.rows[block.ends])
    assert torch.equal(labels, scale_blocks(rows, TRAIN, HyperParams(), TRAIN)[1][0].labels)


def test_older_bars_change_nothing(rows: Rows) -> None:
    """With a shorter sequence, bars before the first short window change no window at all."""
    garbled = dataclasses.replace(rows, features=rows.features.copy())
    garbled.features[: TRAIN[0] - 3] = 1e6
    for params, same in ((HyperParams(sequence_length=4), True), (HyperParams(), False)):
        first, second = (
            scale_blocks(each, TRAIN, params, TRAIN)[1][0].batch(torch.arange(5))[0]
            for each in (rows, garbled)
        )
        assert torch.equal(first, second) is same


@pytest.mark.parametrize("kind", ["standard", "robust", "rank"])
def test_the_scaling_asked_for_is_used(rows: Rows, kind: str) -> None:
    """`feature_scaling` names the scaler's kind."""
    params = HyperParams.from_mapping({"feature_scaling": kind})
    _, (block,) = scale_blocks(rows, TRAIN, params, TRAIN)
    expected = Scaler.fit(rows, TRAIN, params.feature_scaling).scale_features(rows.features)
    np.testing.assert_array_equal(block.rows.numpy(), expected)


def test_a_sequence_longer_than_the_windows_is_refused(rows: Rows) -> None:
    """More bars than the data set's windows hold are refused with both numbers."""
    with pytest.raises(ConfigError, match=r"windows\.length \(10\) but is 11; raise"):
        scale_blocks(rows, TRAIN, HyperParams(sequence_length=11), TRAIN)
