"""Claims about the card of a version in MLflow."""

import pandas as pd
import pytest

from lstm_model.hashes import folder_sha256
from lstm_model.model.bundle import Bundle
from lstm_model.report.night_result import RegisteredModel
from tasks.tracking.client import PatientClient
from tasks.tracking.registry import CARD_FILE, LONGEST_DESCRIPTION, record_card
from tests.tasks.tracking.conftest import NAME, Store

pytestmark = pytest.mark.process  # MLflow asks git for a commit


@pytest.mark.parametrize("lines", [3, 1000])
def test_the_card_is_file_and_description(
    lines: int, store: Store, bundle: Bundle, bars: pd.DataFrame
) -> None:
    """The whole card is among the version's files, and as much as fits is its description.

    The bundle stays as it was registered.
    """
    version = store.register(bundle, bars)
    card = "".join(f"line {number}\n" for number in range(lines))
    record_card(store.uri, RegisteredModel(NAME, version), card)
    root = store.root(version)
    assert (root / CARD_FILE).read_text() == card
    found = PatientClient(store.uri).get_model_version(NAME, str(version))
    assert found.tags["bundle_sha256"] == folder_sha256(root / "artifacts/bundle0")
    if lines == 3:
        assert found.description == card
    else:
        assert len(found.description) <= LONGEST_DESCRIPTION
        assert found.description.startswith("line 0\n")
        assert found.description.endswith(f"The rest is in {CARD_FILE} among the model's files.\n")
