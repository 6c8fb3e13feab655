"""LSTMRegressor: stacked LSTM, dropout, one linear head."""

import warnings

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from lstm_model.model.ticker_embedding import TickerEmbedding
from lstm_model.search.hyper_params import HyperParams


class LSTMRegressor(nn.Module):
    """Forecast one number from a window of features.

    Dropout is applied between layers and before the head, so it also works with a single layer
    (where `nn.LSTM` ignores it). Hochreiter & Schmidhuber (1997), "Long Short-Term Memory".
    With `bidirectional` the head reads the last state of each direction: the forward one at the
    newest bar, the backward one at the oldest. Schuster & Paliwal (1997), "Bidirectional Recurrent
    Neural Networks".
    With `layer_norm` each layer's output is normalised over its units, bar by bar, so each layer is
    a separate LSTM. Ba, Kiros & Hinton (2016), "Layer Normalization".
    With `recurrent_dropout` hidden-to-hidden weights are dropped, once per batch and the same at
    every bar. Merity, Keskar & Socher (2018), "Regularizing and Optimizing LSTM Language Models".
    With `ticker_embedding` the vector of the window's ticker is appended to every bar.
    """

    def __init__(self, feature_count: int, params: HyperParams, ticker_count: int = 1) -> None:
        super().__init__()
        self.hidden_size = params.hidden_size
        self.recurrent_dropout = params.recurrent_dropout
        width = state_width(params)
        self.lstm: nn.Module
        self.norms = nn.ModuleList()
        input_size = feature_count + params.ticker_embedding
        if params.layer_norm:
            inputs = [input_size] + [width] * (params.num_layers - 1)
            self.lstm = nn.ModuleList(_lstm(count, 1, params) for count in inputs)
            self.norms.extend(nn.LayerNorm(width) for _ in inputs)
        else:
            self.lstm = _lstm(input_size, params.num_layers, params)
        self.dropout = nn.Dropout(params.dropout)
        self.head = nn.Linear(width, 1)
        self.ticker_embedding: TickerEmbedding | None = None
        if params.ticker_embedding:  # it draws no random number
            self.ticker_embedding = TickerEmbedding(ticker_count, params.ticker_embedding)

    def forward(
        self,
        windows: Float[Tensor, "window time feature"],
        tickers: Int64[Tensor, " window"] | None = None,
    ) -> Float[Tensor, " window"]:
        """Return one forecast per window, in units of the scaled label.

        tickers: codes of the windows' tickers; only a network with an embedding needs them.
        """
        states = windows
        if self.ticker_embedding is not None and tickers is not None:
            vectors = self.ticker_embedding(tickers)[:, None]
            states = torch.cat([windows, vectors.expand(-1, windows.shape[1], -1)], dim=-1)
        for depth, lstm in enumerate(self._lstms()):
            states = self._run(lstm, self.dropout(states) if depth else states)
            if self.norms:
                states = self.norms[depth](states)
        size = self.hidden_size
        last = states[:, -1]
        if states.shape[-1] > size:
            last = torch.cat([states[:, -1, :size], states[:, 0, size:]], dim=-1)
        forecasts: Tensor = self.head(self.dropout(last)).squeeze(-1)
        return forecasts

    def layers_from_head(self) -> list[list[nn.Parameter]]:
        """Return the trainable parameters of the head, then of each layer below it."""
        layers = [
            [p for name, p in lstm.named_parameters() if f"_l{depth}" in name]
            for lstm in self._lstms()
            for depth in range(lstm.num_layers)
        ]
        for layer, norm in zip(layers, self.norms, strict=False):
            layer.extend(norm.parameters())
        if self.ticker_embedding is not None:  # an input of the lowest layer
            layers[0].extend(self.ticker_embedding.parameters())
        return [list(self.head.parameters()), *reversed(layers)]

    def _lstms(self) -> list[nn.LSTM]:
        found = self.lstm if isinstance(self.lstm, nn.ModuleList) else [self.lstm]
        return [module for module in found if isinstance(module, nn.LSTM)]

    def _run(
        self, lstm: nn.LSTM, inputs: Float[Tensor, "window time input"]
    ) -> Float[Tensor, "window time state"]:
        if not (self.training and self.recurrent_dropout):
            states: Tensor = lstm(inputs)[0]
            return states
        weights = [
            nn.functional.dropout(weight, self.recurrent_dropout) if "weight_hh" in name else weight
            for name, weight in lstm.named_parameters()
        ]
        directions = 2 if lstm.bidirectional else 1
        start = inputs.new_zeros(lstm.num_layers * directions, len(inputs), lstm.hidden_size)
        with warnings.catch_warnings():
            # On a GPU, dropped weights are no longer the contiguous memory that cuDNN prefers.
            warnings.filterwarnings("ignore", "RNN module weights are not part of single")
            states, _, _ = torch.lstm(
                inputs,
                (start, start),
                weights,
                lstm.bias,
                lstm.num_layers,
                lstm.dropout,
                True,  # training
                lstm.bidirectional,
                lstm.batch_first,
            )
        return states


def _lstm(input_size: int, num_layers: int, params: HyperParams) -> nn.LSTM:
    return nn.LSTM(
        input_size,
        params.hidden_size,
        num_layers,
        batch_first=True,
        dropout=params.dropout if num_layers > 1 else 0.0,
        bidirectional=params.bidirectional,
    )


def state_width(params: HyperParams) -> int:
    """Return the number of states that a layer outputs, over both directions."""
    return params.hidden_size * (2 if params.bidirectional else 1)


def parameter_count(feature_count: int, params: HyperParams, ticker_count: int = 1) -> int:
    """Return the number of trainable parameters.

    Each layer and direction has 4H(in + H) + 8H, where `in` is the width W of the layer below; each
    layer norm has 2W, the head W + 1. An embedding has its width for each ticker, and widens the
    input.
    """
    embedding = params.ticker_embedding
    hidden, width = params.hidden_size, state_width(params)
    inputs = [feature_count + embedding] + [width] * (params.num_layers - 1)
    directions = width // hidden
    lstm = directions * sum(4 * hidden * (n + hidden) + 8 * hidden for n in inputs)
    norms = 2 * width * params.num_layers if params.layer_norm else 0
    return lstm + norms + width + 1 + embedding * ticker_count


def training_cost(params: HyperParams, window_length: int = 60) -> float:
    """Estimate the relative cost of training a configuration, so that long ones start first."""
    directions = 2 if params.bidirectional else 1
    length = params.sequence_length or window_length
    work = params.hidden_size**2 * params.num_layers * directions * length
    return float(work / params.batch_size**0.5)
