"""Claims about scaled views: the parameters' scaling and window length, on the same bars."""

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
import torch

from lstm_model.data.scaling import Scaler
from lstm_model.data.views import Rows, SearchView
from lstm_model.data.windows import scale_view, scaled_windows
from lstm_model.errors import ConfigError
from lstm_model.search.hyper_params import HyperParams

TRAIN, VALIDATION = np.arange(9, 60), np.arange(70, 90)


@pytest.fixture
def view(make_rows: Callable[..., Rows]) -> SearchView:
    return SearchView(make_rows(100, length=10), TRAIN, VALIDATION)


def test_defaults_are_standard_scaling_of_whole_windows(view: SearchView) -> None:
    """Without extensions blocks are what scaler, tensor and windows give by themselves."""
    scaled = scale_view(view, HyperParams())
    plain = Scaler.fit(view.rows, TRAIN)
    both = np.concatenate([TRAIN, VALIDATION])
    for block, ends in (
        (scaled.train, TRAIN),
        (scaled.validation, VALIDATION),
        (scaled.both, both),
    ):
        expected = scaled_windows(view.rows, ends, plain)
        assert torch.equal(block.rows, expected.rows)
        assert torch.equal(block.labels, expected.labels)
        assert torch.equal(block.ends, expected.ends)
        assert block.length == expected.length
    assert scaled.scaler.label_sd == plain.label_sd
    assert scaled.train.rows.data_ptr() == scaled.validation.rows.data_ptr()


def test_a_shorter_sequence_ends_on_the_same_bars(view: SearchView) -> None:
    """The samples stay, their windows are the last bars of the long ones."""
    short = HyperParams(sequence_length=4)
    block = scale_view(view, short).train
    assert len(block) == len(TRAIN)
    windows, labels = block.batch(torch.arange(len(block)))
    assert windows.shape[1] == 4
    assert torch.equal(windows[:, -1], block.rows[block.ends])
    assert torch.equal(labels, scale_view(view, HyperParams()).train.labels)


def test_older_bars_change_nothing(view: SearchView) -> None:
    """With a shorter sequence, bars before the first short window change no window at all."""
    garbled = dataclasses.replace(view.rows, features=view.rows.features.copy())
    garbled.features[: TRAIN[0] - 3] = 1e6
    for params, same in ((HyperParams(sequence_length=4), True), (HyperParams(), False)):
        first, second = (
            scale_view(each, params).train.batch(torch.arange(5))[0]
            for each in (view, dataclasses.replace(view, rows=garbled))
        )
        assert torch.equal(first, second) is same


@pytest.mark.parametrize("kind", ["standard", "robust", "rank"])
def test_the_named_scaling_is_used(view: SearchView, kind: str) -> None:
    """`feature_scaling` names the scaler's kind."""
    params = HyperParams.from_mapping({"feature_scaling": kind})
    scaled = scale_view(view, params)
    fitted = Scaler.fit(view.rows, TRAIN, params.feature_scaling)
    expected = fitted.scale_features(view.rows.features)
    np.testing.assert_array_equal(scaled.train.rows.numpy(), expected)


def test_a_sequence_longer_than_the_windows_is_refused(view: SearchView) -> None:
    """A sequence longer than the data set's windows is refused with both numbers."""
    with pytest.raises(ConfigError, match=r"windows\.length \(10\) but is 11; raise"):
        scale_view(view, HyperParams(sequence_length=11))
