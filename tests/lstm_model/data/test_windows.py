"""Claims about windows: index arithmetic on one tensor, scaled only by the train block."""

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lstm_model.data.scaling import Scaler, rows_covered
from lstm_model.data.views import ChronoSplit, Rows
from lstm_model.data.windows import WindowSet, scaled_tensor, window_set


@pytest.fixture(scope="module")
def blocks(sp500_split: ChronoSplit) -> tuple[WindowSet, WindowSet]:
    search = sp500_split.search
    scaler = Scaler.fit(search.rows, search.train)
    tensor = scaled_tensor(search.rows, scaler)
    return (
        window_set(tensor, search.rows, search.train, scaler),
        window_set(tensor, search.rows, search.validation, scaler),
    )


def test_batch_equals_slicing(
    blocks: tuple[WindowSet, WindowSet], sp500_split: ChronoSplit
) -> None:
    """A window is the slice of rows that ends at its sample, oldest first."""
    search = sp500_split.search
    ends = (search.train, search.validation)
    for block, own in zip(blocks, ends, strict=True):
        samples = torch.tensor([0, len(block) - 1, 7])
        windows, labels = block.batch(samples)
        for window, label, sample in zip(windows, labels, samples, strict=True):
            end = own[sample]
            assert torch.equal(window, block.rows[end - 59 : end + 1])
            assert label == block.labels[sample]


def test_blocks_share_one_tensor(blocks: tuple[WindowSet, WindowSet]) -> None:
    """Train and validation point into the same memory; no window is copied out."""
    train, validation = blocks
    assert train.rows.data_ptr() == validation.rows.data_ptr()
    assert train.to(torch.device("cpu")).rows.data_ptr() == train.rows.data_ptr()


def test_train_is_standardised(blocks: tuple[WindowSet, WindowSet]) -> None:
    """Over the rows that train covers every feature, and the label, has mean 0 and sd 1."""
    train, _ = blocks
    covered = rows_covered(train.ends.numpy(), train.length, len(train.rows))
    values = train.rows[torch.from_numpy(covered)].double()
    assert values.mean(dim=0).abs().max() < 1e-5
    assert (values.std(dim=0, correction=0) - 1).abs().max() < 1e-5
    assert train.labels.mean().abs() < 1e-5
    assert (train.labels.std(correction=0) - 1).abs() < 1e-5


def test_scaler_never_sees_validation(sp500_split: ChronoSplit) -> None:
    """Garbage in every row after the last train window does not change the scaler."""
    search = sp500_split.search
    last = search.train.max()
    features, labels = search.rows.features.copy(), search.rows.labels.copy()
    features[last + 1 :] *= 1e6
    labels[last + 1 :] = 1e6
    garbled = dataclasses.replace(search.rows, features=features, labels=labels)
    before, after = Scaler.fit(search.rows, search.train), Scaler.fit(garbled, search.train)
    np.testing.assert_array_equal(after.feature_means, before.feature_means)
    np.testing.assert_array_equal(after.feature_sds, before.feature_sds)
    assert (after.label_mean, after.label_sd) == (before.label_mean, before.label_sd)


@pytest.mark.parametrize("value", [0.0, 0.1, 1e6])
def test_constant_column_becomes_zero(make_rows: Callable[..., Rows], value: float) -> None:
    """A feature or label that is constant in train is shifted to zero, and not divided by it."""
    rows = make_rows(30)
    rows.features[:, 0] = value
    rows.labels[:] = value
    train = np.arange(5, 20)
    scaler = Scaler.fit(rows, train)
    assert scaler.feature_sds[0] == scaler.label_sd == 1.0
    assert scaled_tensor(rows, scaler)[:, 0].abs().max() < 1e-6
    assert np.abs(scaler.scale_labels(rows, np.arange(30))).max() < 1e-6


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(4, 40), min_size=1), st.integers(1, 5))
def test_covered_rows_are_those_in_a_window(ends: list[int], length: int) -> None:
    """A row is covered exactly where some window holds it."""
    covered = {row for end in ends for row in range(end - length + 1, end + 1)}
    mask = rows_covered(np.array(ends), length, 41)
    assert set(np.flatnonzero(mask)) == covered


@settings(max_examples=30, deadline=None)
@given(st.floats(-1e3, 1e3), st.floats(1e-6, 1e3), st.floats(-1e3, 1e3))
def test_labels_come_back(mean: float, sd: float, label: float) -> None:
    """Unscaling undoes scaling."""
    scaler = Scaler(np.zeros(1), np.ones(1), mean, sd)
    scaled = np.array([(label - mean) / sd])
    back = scaler.unscale_forecasts(scaled, np.empty((1, 0)))
    np.testing.assert_allclose(back, [label], rtol=1e-9, atol=1e-9)
