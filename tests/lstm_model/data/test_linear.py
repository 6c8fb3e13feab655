"""Claims about linear forecasts: each equals its formula."""

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, Ridge

from lstm_model.data.linear import LinearForecast, fit_linear


def draw() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    draws = np.random.default_rng(0)
    terms, features = draws.normal(size=(200, 3)), draws.normal(5, 3, size=(200, 4))
    labels = terms @ [0.5, -0.2, 0.1] + features @ [0.1, 0.0, -0.2, 0.3] + draws.normal(size=200)
    return terms, features.astype(np.float32), labels


@pytest.mark.parametrize("penalty", [0.1, 50.0])
def test_it_is_least_squares_then_ridge_of_the_rest(penalty: float) -> None:
    """scikit-learn's two regressions, one after the other on standardised features, agree."""
    terms, features, labels = draw()
    found = fit_linear(terms, features, labels, penalty)
    first = LinearRegression().fit(terms, labels)
    scaled = np.clip((features - features.mean(axis=0)) / features.std(axis=0), -4, 4)
    rest = labels - first.predict(terms)
    second = Ridge(alpha=penalty).fit(scaled, rest)
    expected = first.predict(terms) + second.predict(scaled)
    np.testing.assert_allclose(found.forecast(terms, features), expected, atol=1e-5)


def test_without_a_penalty_features_are_ignored() -> None:
    """Terms alone, or nothing but the mean."""
    terms, features, labels = draw()
    found = fit_linear(terms, features, labels)
    expected = LinearRegression().fit(terms, labels).predict(terms)
    np.testing.assert_allclose(found.forecast(terms, features), expected)
    assert fit_linear(terms[:, :0], features, labels) == LinearForecast(float(labels.mean()))


def test_a_constant_feature_has_no_weight() -> None:
    """A feature that does not vary in train cannot matter later."""
    terms, features, labels = draw()
    features[:, 1] = 7.0
    found = fit_linear(terms, features, labels, 1.0)
    assert found.feature_weights[1] == 0.0
    other = features.copy()
    other[:, 1] = 99.0
    np.testing.assert_array_equal(found.forecast(terms, other), found.forecast(terms, features))


def test_a_wild_feature_is_clipped() -> None:
    """A bar 117 standard deviations away is forecast as one 4 away, in train and later."""
    terms, features, labels = draw()
    found = fit_linear(terms, features, labels, 1.0)
    wild = features.copy()
    wild[:, 2] = features[:, 2].mean() + 117 * features[:, 2].std()
    at_four = features.copy()
    at_four[:, 2] = features[:, 2].mean() + 4.001 * features[:, 2].std()
    np.testing.assert_array_equal(found.forecast(terms, wild), found.forecast(terms, at_four))


def test_fewer_terms_than_a_row_has() -> None:
    """A forecast from the first terms leaves the others alone."""
    terms, features, labels = draw()
    found = fit_linear(terms[:, :2], features, labels)
    expected = LinearRegression().fit(terms[:, :2], labels).predict(terms[:, :2])
    np.testing.assert_allclose(found.forecast(terms, features), expected)
