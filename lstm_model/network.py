"""LSTMRegressor: stacked LSTM, dropout, one linear head."""

from jaxtyping import Float
from torch import Tensor, nn

from lstm_model.search_space import HyperParams


class LSTMRegressor(nn.Module):
    """Forecast one number from a window of features.

    Dropout acts between layers and before the head, so that it acts at one layer too (`nn.LSTM`
    ignores it there). Hochreiter & Schmidhuber (1997), "Long Short-Term Memory".
    """

    def __init__(self, feature_count: int, params: HyperParams) -> None:
        super().__init__()
        self.lstm = nn.LSTM(
            feature_count,
            params.hidden_size,
            params.num_layers,
            batch_first=True,
            dropout=params.dropout if params.num_layers > 1 else 0.0,
        )
        self.dropout = nn.Dropout(params.dropout)
        self.head = nn.Linear(params.hidden_size, 1)

    def forward(self, windows: Float[Tensor, "window time feature"]) -> Float[Tensor, " window"]:
        """Return one forecast a window, in units of the scaled label."""
        states, _ = self.lstm(windows)
        forecasts: Tensor = self.head(self.dropout(states[:, -1])).squeeze(-1)
        return forecasts


def parameter_count(feature_count: int, params: HyperParams) -> int:
    """Return the number of trainable parameters: sum over layers of 4H(in + H) + 8H, plus H + 1."""
    hidden = params.hidden_size
    inputs = [feature_count] + [hidden] * (params.num_layers - 1)
    return sum(4 * hidden * (n + hidden) + 8 * hidden for n in inputs) + hidden + 1
