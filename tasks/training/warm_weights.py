"""Weights to begin final trainings with: those of the newest version's judged networks."""

from pathlib import Path

import torch
from safetensors.torch import save_file

from lstm_model.config.pipeline import PipelineConfig
from lstm_model.data.calendar import day_of
from lstm_model.errors import ChampionError
from lstm_model.model.bundle_files import read_description, read_weights
from lstm_model.search.hyper_params import HyperParams
from tasks.data.data_set import DataSet, load_search_view
from tasks.progress import print_note
from tasks.tracking.champion import champion_of
from tasks.tracking.version import Version, open_version
from tasks.training.warm_path import place_of


def write_warm_weights(
    config: PipelineConfig, data_set: DataSet, params: HyperParams, root: Path
) -> None:
    """Write the newest version's judged networks into files, one each; none if they do not fit.

    A note says why there are none: no version, another shape of network or other columns, or one
    that has learnt from days of tonight's test block. Without that rule a training could begin with
    what it is later judged on.
    """
    if config.training.warm_start == "none":
        return
    registry = champion_of(config)
    versions = registry.client.search_model_versions(f"name = '{registry.model}'")
    if not versions:
        print_note("no warm start: no version is registered yet")
        return
    number = max(int(version.version) for version in versions)
    try:
        with open_version(registry, number, "judged") as version:
            reason = _why_not(version, data_set, params)
            if not reason:
                _write(version, root)
                return
    except ChampionError as error:
        reason = str(error)
    print_note(f"no warm start: {reason}")


def _why_not(version: Version, data_set: DataSet, params: HyperParams) -> str:
    if HyperParams.from_mapping(version.params).shape != params.shape:
        return f"version {version.number} has another network"
    rows = load_search_view(data_set.search_path).rows
    facts = read_description(version.bundle_path)
    if tuple(facts["feature_names"]) != rows.feature_names or version.tickers != rows.tickers:
        return f"version {version.number} has other columns or tickers"
    judged = version.judged_errors
    if judged is None or not len(judged.days) or judged.days[0] > day_of(data_set.test_start):
        return f"version {version.number} may have learnt from tonight's test block"
    return ""


def _write(version: Version, root: Path) -> None:
    root.mkdir(parents=True, exist_ok=True)
    weights = read_weights(version.bundle_path, read_description(version.bundle_path))
    by_member: dict[str, dict[str, torch.Tensor]] = {}
    for key, tensor in weights.items():
        member, _, name = key.partition(".")
        by_member.setdefault(member, {})[name] = tensor.contiguous()
    for member, tensors in by_member.items():
        save_file(tensors, place_of(root, int(member)))
