"""Aligned: every forecast on the samples that all of them cover, and its smearing constant."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from lstm_model.evaluation.inputs import MODEL, Forecasts, MemberForecasts, Samples, Validation
from lstm_model.evaluation.losses import (
    MSE,
    QLIKE,
    Loss,
    losses_by_date,
    smearing_constant,
)
from lstm_model.evaluation.measured import Measured, NotComputed

Values = Float[np.ndarray, " sample"]


@dataclass(frozen=True, slots=True)
class Aligned:
    """The samples that every forecast covers, and the forecasts of them.

    benchmark: name of the baseline that skill is measured against. forecasts: by name; the model
    first, then the baselines, then the references. ensembles: the members of the model and of the
    references, whose means are their forecasts. rival: the baseline with the lowest squared error
    on validation. smearing: the constant by which each forecast of a log variance becomes one of
    the variance, from validation. model_smearing: of the mean of the model's first 1, 2, ...
    members.
    """

    samples: Samples
    benchmark: str
    rival: str
    forecasts: Forecasts
    ensembles: MemberForecasts
    smearing: Mapping[str, Measured]
    model_smearing: tuple[Measured, ...]

    @property
    def model(self) -> Float[np.ndarray, " sample"]:
        """The model's forecast."""
        return self.forecasts[MODEL]

    def errors(self, name: str, loss: Loss, members: int | None = None) -> Values:
        """Return truth less forecast, for QLIKE less the smearing constant too.

        members: as many of the model's members as its forecast is to be the mean of, None for all.
        """
        forecast, constant = self.forecasts[name], self.smearing[name]
        if members is not None:
            forecast = self.ensembles[name][:members].mean(axis=0)
            constant = self.model_smearing[members - 1]
        if loss is not QLIKE:
            return self.samples.truth - forecast
        known = float("nan") if isinstance(constant, NotComputed) else constant
        return self.samples.truth - forecast - known


def align(
    members: Float[np.ndarray, "member sample"],
    baselines: Forecasts,
    references: MemberForecasts,
    samples: Samples,
    validation: Validation,
) -> Aligned:
    """Keep the samples for which every forecast and the truth are finite.

    A baseline without any finite value is dropped. Raises ValueError if no sample is left or if
    two forecasts have the same name.
    """
    _check_names(baselines, references)
    benchmark = benchmark_name(baselines)
    baselines = {name: v for name, v in baselines.items() if np.isfinite(v).any()}
    ensembles = {MODEL: members, **references}
    everything = [samples.truth, *baselines.values(), *(m for e in ensembles.values() for m in e)]
    kept = np.all([np.isfinite(values) for values in everything], axis=0)
    if not kept.any():
        raise ValueError("evaluation needs a sample that every forecast covers but has none")
    ensembles = {name: ensemble[:, kept] for name, ensemble in ensembles.items()}
    means = {name: ensemble.mean(axis=0) for name, ensemble in ensembles.items()}
    forecasts = {
        MODEL: means.pop(MODEL),
        **{name: values[kept] for name, values in baselines.items()},
        **means,
    }
    on_validation = {**validation.forecasts, MODEL: validation.model}
    residuals = {name: validation.truth - on_validation[name] for name in forecasts}
    counts = range(1, len(validation.members) + 1)
    return Aligned(
        samples=samples.where(kept),
        benchmark=benchmark,
        rival=_best(baselines, residuals, validation.dates, benchmark),
        forecasts=forecasts,
        ensembles=ensembles,
        smearing={name: smearing_constant(errors) for name, errors in residuals.items()},
        model_smearing=tuple(
            smearing_constant(validation.truth - validation.members[:count].mean(axis=0))
            for count in counts
        ),
    )


def _best(
    baselines: Iterable[str],
    residuals: Mapping[str, Float[np.ndarray, " validation"]],
    dates: Int[np.ndarray, " validation"],
    benchmark: str,
) -> str:
    """Return the baseline with the lowest squared error, by date, where all baselines have one."""
    own = {name: residuals[name] for name in baselines}
    known = np.all([np.isfinite(errors) for errors in own.values()], axis=0)
    if not known.any():
        return benchmark
    return min(own, key=lambda name: losses_by_date(MSE, own[name][known], dates[known]).mean())


def benchmark_name(baselines: Forecasts) -> str:
    """Return the baseline that skill is measured against: HAR if it has values, else train_mean."""
    har = baselines.get("har")
    return "har" if har is not None and np.isfinite(har).any() else "train_mean"


def _check_names(baselines: Forecasts, references: MemberForecasts) -> None:
    shared = ({MODEL} | set(baselines)) & set(references) | {MODEL} & set(baselines)
    if shared:
        raise ValueError(f"forecasts need unique names but {sorted(shared)} are used twice")
