"""Claims about scaling: each kind follows its formula, fitted only on train."""

import dataclasses
from collections.abc import Callable
from statistics import NormalDist

import numpy as np
import pytest

from lstm_model.data.chunks import CHUNK_ROWS
from lstm_model.data.scaling import KNOTS, Scaler, rows_covered
from lstm_model.data.views import Rows

KINDS: tuple[str, ...] = ("standard", "robust", "rank")
TRAIN = np.arange(2, 1500)


@pytest.fixture
def rows(make_rows: Callable[..., Rows]) -> Rows:
    return make_rows(2000)


def test_robust_is_median_and_iqr(rows: Rows) -> None:
    """Robust scaling subtracts the median and divides by the interquartile range over 1.349."""
    values = rows.features[:1500].astype(np.float64)
    low, middle, high = (np.quantile(values, q, axis=0) for q in (0.25, 0.5, 0.75))
    expected = (rows.features - middle) / ((high - low) / 1.349)
    found = Scaler.fit(rows, TRAIN, "robust").scale_features(rows.features)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_robust_shrugs_off_an_outlier(rows: Rows) -> None:
    """An extreme value in train hardly changes robust scaling; standard scaling changes a lot."""
    broken = dataclasses.replace(rows, features=rows.features.copy())
    broken.features[100] = 1e7
    for kind, steady in (("robust", True), ("standard", False)):
        before, after = (Scaler.fit(each, TRAIN, kind) for each in (rows, broken))
        close = np.allclose(before.feature_sds, after.feature_sds, rtol=0.02)
        assert close is steady


def test_robust_survives_a_column_that_rarely_moves(rows: Rows) -> None:
    """A column without an interquartile range is divided by its standard deviation."""
    rows.features[:, 0] = np.arange(2000) % 10 == 0
    scaler = Scaler.fit(rows, TRAIN, "robust")
    assert scaler.feature_means[0] == 0.0
    assert scaler.feature_sds[0] == pytest.approx(rows.features[:1500, 0].std(), rel=1e-6)


def test_rank_is_the_normal_quantile_of_the_rank(rows: Rows) -> None:
    """A train value's score is the normal quantile of its rank, to within one knot."""
    scaler = Scaler.fit(rows, TRAIN, "rank")
    column = rows.features[:1500, 1]
    share = (np.argsort(np.argsort(column)) + 0.5) / len(column)
    found = scaler.scale_features(rows.features)[:1500, 1]
    back = np.array([NormalDist().cdf(score) for score in found])
    assert np.abs(back - share).max() < 1 / KNOTS
    assert found.mean() == pytest.approx(0.0, abs=0.01)
    assert found.std() == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize("transform", [np.exp, np.arcsinh, lambda x: 1e6 * x - 5])
def test_rank_uses_only_the_order(
    rows: Rows, transform: Callable[[np.ndarray], np.ndarray]
) -> None:
    """A rising transform of a feature leaves its scores bit-equal; the other kinds see it."""
    features = transform(rows.features.astype(np.float64)).astype(np.float32)
    bent = dataclasses.replace(rows, features=features)
    before = Scaler.fit(rows, TRAIN, "rank").scale_features(rows.features)
    after = Scaler.fit(bent, TRAIN, "rank").scale_features(bent.features)
    # In float32 a transform may make a few neighbours one; their rank is then shared.
    assert (before == after).mean() > 0.99
    np.testing.assert_allclose(before, after, atol=0.1)


def test_rank_is_clipped(rows: Rows) -> None:
    """Values beyond the range of train have the scores of the outermost knots."""
    scaler = Scaler.fit(rows, TRAIN, "rank")
    far = np.array([[-1e30, 1e30]], dtype=np.float32)
    end = NormalDist().inv_cdf(0.5 / KNOTS)
    np.testing.assert_allclose(scaler.scale_features(far), [[end, -end]], rtol=1e-6)


def test_chunks_do_not_matter(make_rows: Callable[..., Rows]) -> None:
    """With several chunks, every number is bit-equal to that of all covered rows at once."""
    rows = make_rows(3 * CHUNK_ROWS + 100, features=16)
    train = np.concatenate([np.arange(2, 100_000), np.arange(120_000, 190_000)])
    values = rows.features[rows_covered(train, 3, len(rows.dates))].astype(np.float64)
    standard, robust, rank = (Scaler.fit(rows, train, kind) for kind in KINDS)
    np.testing.assert_array_equal(standard.feature_means, values.mean(axis=0))
    np.testing.assert_array_equal(standard.feature_sds, values.std(axis=0))
    low, middle, high = np.quantile(values, (0.25, 0.5, 0.75), axis=0)
    np.testing.assert_array_equal(robust.feature_means, middle)
    np.testing.assert_array_equal(robust.feature_sds, (high - low) / 1.349)
    levels = (np.arange(KNOTS) + 0.5) / KNOTS
    knots = np.quantile(values, levels, axis=0, method="inverted_cdf")
    np.testing.assert_array_equal(rank.knots, knots)
    scaled = (rows.features - values.mean(axis=0)) / values.std(axis=0)
    np.testing.assert_array_equal(standard.scale_features(rows.features), scaled.astype(np.float32))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("value", [0.0, 0.1, 1e6])
def test_a_constant_column_becomes_zero(rows: Rows, kind: str, value: float) -> None:
    """With every kind, a feature that is constant in train is zero there."""
    rows.features[:, 0] = value
    scaled = Scaler.fit(rows, TRAIN, kind).scale_features(rows.features)
    assert np.abs(scaled[:, 0]).max() < 1e-6


@pytest.mark.parametrize("kind", KINDS)
def test_no_kind_sees_rows_after_train(rows: Rows, kind: str) -> None:
    """Garbage after the last train window changes no scaled train row and no number."""
    garbled = dataclasses.replace(rows, features=rows.features.copy(), labels=rows.labels.copy())
    garbled.features[1500:] *= 1e6
    garbled.labels[1500:] = 1e6
    before, after = (Scaler.fit(each, TRAIN, kind) for each in (rows, garbled))
    for field in dataclasses.fields(Scaler):
        np.testing.assert_equal(getattr(after, field.name), getattr(before, field.name))
    covered = rows_covered(TRAIN, rows.window_length, len(rows.dates))
    np.testing.assert_array_equal(
        before.scale_features(rows.features)[covered],
        after.scale_features(garbled.features)[covered],
    )


@pytest.mark.parametrize("kind", KINDS)
def test_labels_are_always_standardised(rows: Rows, kind: str) -> None:
    """The label's scale does not depend on the features', so losses compare."""
    scaler, standard = Scaler.fit(rows, TRAIN, kind), Scaler.fit(rows, TRAIN)
    assert (scaler.label_mean, scaler.label_sd) == (standard.label_mean, standard.label_sd)


def test_with_a_skip_the_network_learns_the_rest(make_rows: Callable[..., Rows]) -> None:
    """Labels that are linear in HAR's terms, plus noise, leave the noise; and come back."""
    plain = make_rows(200, har=3)
    noise = np.random.default_rng(1).normal(0, 0.1, 200)
    labels = 1.5 + plain.har_terms @ [0.5, -2.0, 0.1] + noise
    rows = dataclasses.replace(plain, labels=labels, har_skip=True)
    train, test = np.arange(5, 120), np.arange(120, 200)
    scaler = Scaler.fit(rows, train)
    np.testing.assert_allclose(scaler.skip_weights, [0.5, -2.0, 0.1], atol=0.05)
    scaled = scaler.scale_labels(rows, test)
    np.testing.assert_allclose(scaled * labels[train].std(), noise[test], atol=0.1)
    back = scaler.unscale_forecasts(scaled, rows.har_terms[test])
    np.testing.assert_allclose(back, labels[test], rtol=1e-12)


def test_the_skip_is_fitted_on_train_alone(make_rows: Callable[..., Rows]) -> None:
    """Labels and terms outside of train change nothing of the scaler."""
    rows = dataclasses.replace(make_rows(60, har=3), har_skip=True)
    train = np.arange(5, 30)
    labels, terms = rows.labels.copy(), rows.har_terms.copy()
    labels[30:], terms[30:] = 1e6, -1e6
    changed = Scaler.fit(dataclasses.replace(rows, labels=labels, har_terms=terms), train)
    honest = Scaler.fit(rows, train)
    assert (changed.label_mean, changed.skip_weights) == (honest.label_mean, honest.skip_weights)


def test_without_a_skip_the_terms_are_ignored(make_rows: Callable[..., Rows]) -> None:
    """Terms that exist only for the baseline change no label."""
    rows = make_rows(60, har=3)
    scaler = Scaler.fit(rows, np.arange(5, 30))
    assert scaler.skip_weights == ()
    found = scaler.scale_labels(rows, np.arange(60))
    np.testing.assert_array_equal(found, (rows.labels - scaler.label_mean) / scaler.label_sd)
