"""Claims about means by date."""

import numpy as np

from lstm_model.evaluation.by_date import date_means


def test_means_are_in_the_order_of_dates() -> None:
    """Samples may come in any order, and dates may differ in their number of tickers."""
    means = date_means(np.array([4.0, 1.0, 3.0, 8.0]), np.array([7, 3, 3, 5]))
    np.testing.assert_array_equal(means, [2.0, 8.0, 4.0])
