"""Aligned: every forecast on the samples that all of them cover."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from lstm_model.evaluation.inputs import MODEL, Forecasts, MemberForecasts, Samples


@dataclass(frozen=True, slots=True)
class Aligned:
    """The samples that every forecast covers, and the forecasts of them.

    benchmark: name of the baseline that skill is measured against. forecasts: by name; the model
    first, then the baselines, then the references. ensembles: the members of the model and of the
    references, whose means are their forecasts.
    """

    samples: Samples
    benchmark: str
    forecasts: Forecasts
    ensembles: MemberForecasts

    @property
    def model(self) -> Float[np.ndarray, " sample"]:
        """The model's forecast."""
        return self.forecasts[MODEL]


def align(
    members: Float[np.ndarray, "member sample"],
    baselines: Forecasts,
    references: MemberForecasts,
    samples: Samples,
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
    return Aligned(samples.where(kept), benchmark, forecasts, ensembles)


def benchmark_name(baselines: Forecasts) -> str:
    """Return the baseline that skill is measured against: HAR if it has values, else train_mean."""
    har = baselines.get("har")
    return "har" if har is not None and np.isfinite(har).any() else "train_mean"


def _check_names(baselines: Forecasts, references: MemberForecasts) -> None:
    shared = ({MODEL} | set(baselines)) & set(references) | {MODEL} & set(baselines)
    if shared:
        raise ValueError(f"forecasts need unique names but {sorted(shared)} are used twice")
