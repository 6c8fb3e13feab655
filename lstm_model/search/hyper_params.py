"""HyperParams: one configuration of network and training, and the rules for its values."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

Value = int | float | str | bool
"""Value of a parameter, as searched, stored and recorded."""

Params = dict[str, Value]
"""Searched parameters of a configuration, by name."""

TABLE_1 = ("hidden_size", "num_layers", "dropout", "lr", "batch_size")
"""Parameters of the seed's Table 1: always recorded; others only if they are not the default."""

CHOICES: dict[str, tuple[Value, ...]] = {
    "optimiser": ("adam", "adamw", "sgd"),
    "feature_scaling": ("standard", "robust", "rank"),
    "bidirectional": (False, True),
    "layer_norm": (False, True),
}


@dataclass(frozen=True, slots=True)
class HyperParams:
    """One configuration of network and training; the defaults are the seed's "Balanced" row.

    From `bidirectional` on the parameters are the seed's extensions; their defaults are neutral.

    hidden_size: states of each LSTM layer, in each direction.
    num_layers: stacked LSTM layers.
    dropout: share of activations dropped between layers and before the head.
    lr: learning rate after the warm-up.
    batch_size: samples in a training step.
    bidirectional, layer_norm: see `LSTMRegressor`.
    recurrent_dropout: share of hidden-to-hidden weights dropped in a training step.
    optimiser: adam, adamw or sgd.
    momentum: of sgd only.
    weight_decay: added to the gradient (adam, sgd) or subtracted from the weights (adamw).
    gradient_noise: standard deviation of the noise in the first step.
    layer_lr_decay: learning rate of a layer divided by that of the layer above.
    warmup_share: share of a trial's steps over which the learning rate rises.
    sequence_length: in bars; None takes the window length of the data set.
    feature_scaling: standard, robust or rank.
    jitter: standard deviation of the noise on inputs, in units of the scaled features.
    ticker_embedding: numbers that a panel's network learns for each ticker, and sees at every bar;
        0 learns none.

    Raises ValueError for a value that breaks its rule.
    """

    hidden_size: int = 128
    num_layers: int = 2
    dropout: float = 0.2
    lr: float = 1e-3
    batch_size: int = 64
    bidirectional: bool = False
    layer_norm: bool = False
    recurrent_dropout: float = 0.0
    optimiser: str = "adam"
    momentum: float = 0.9
    weight_decay: float = 0.0
    gradient_noise: float = 0.0
    layer_lr_decay: float = 1.0
    warmup_share: float = 0.0
    sequence_length: int | None = None
    feature_scaling: str = "standard"
    jitter: float = 0.0
    ticker_embedding: int = 0

    def __post_init__(self) -> None:
        for name in ("hidden_size", "num_layers", "batch_size"):
            self._require(name, getattr(self, name) >= 1, ">= 1")
        for name in ("dropout", "recurrent_dropout", "momentum"):
            self._require(name, 0.0 <= getattr(self, name) < 1.0, "in [0, 1)")
        self._require("lr", self.lr > 0.0, "> 0")
        for name in ("weight_decay", "gradient_noise", "jitter", "ticker_embedding"):
            value = getattr(self, name)
            self._require(name, value >= 0.0 and math.isfinite(value), ">= 0 and finite")
        self._require("layer_lr_decay", 0.0 < self.layer_lr_decay <= 1.0, "in (0, 1]")
        self._require("warmup_share", 0.0 <= self.warmup_share <= 1.0, "in [0, 1]")
        length = self.sequence_length
        self._require("sequence_length", length is None or length >= 2, ">= 2 bars")
        for name, choices in CHOICES.items():
            known = getattr(self, name) in choices
            self._require(name, known, f"one of {', '.join(str(c) for c in choices)}")

    def _require(self, name: str, holds: bool, rule: str) -> None:
        if not holds:
            raise ValueError(f"{name} must be {rule} but is {getattr(self, name)}")

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> "HyperParams":
        """Build from a trial's parameters; those that are not searched have their defaults."""
        return cls(**values)

    @property
    def shape(self) -> tuple[Value, ...]:
        """What the shapes of a network's weights depend on, besides its columns."""
        return (
            self.hidden_size,
            self.num_layers,
            self.bidirectional,
            self.layer_norm,
            self.ticker_embedding,
        )

    def to_dict(self) -> Params:
        """Return the parameters of Table 1, and all others that are not at their default."""
        return {
            field.name: getattr(self, field.name)
            for field in fields(self)
            if field.name in TABLE_1 or getattr(self, field.name) != field.default
        }


BALANCED = HyperParams()
"""The seed's recommended configuration (Table 5)."""

EXAMPLES = (
    BALANCED,
    HyperParams(hidden_size=64, num_layers=1, dropout=0.0, lr=5e-3, batch_size=128),
    HyperParams(hidden_size=64, num_layers=1, dropout=0.4, lr=1e-4, batch_size=128),
    HyperParams(hidden_size=256, num_layers=2, dropout=0.1, lr=5e-3, batch_size=128),
    HyperParams(hidden_size=256, num_layers=3, dropout=0.3, lr=5e-4, batch_size=32),
)
"""The seed's Table 5: the recommended row first, then by rising cost."""

EXAMPLE_NAMES = ("balanced", "minimal", "conservative", "aggressive", "high-capacity")
"""Names of these rows."""

PARAMETER_KINDS: dict[str, type] = {
    field.name: int if field.default is None else type(field.default)
    for field in fields(HyperParams)
}
"""Type of each parameter's values."""

PARAMETER_NAMES = tuple(PARAMETER_KINDS)
