"""An alarm of the champion's decay in a real Prefect server: state, event, artifact."""

import datetime as dt
import time
from typing import Any

import numpy as np
import pytest
from prefect import State, flow
from prefect.client.orchestration import get_client
from prefect.events.worker import EventsWorker

from lstm_model.champion.decay import Decay, DecayRules
from lstm_model.champion.live import LiveRecord, watch_live
from lstm_model.model.judged_errors import JudgedErrors
from tasks.champion.published import DECAY_EVENT, publish, state_of
from tests.tasks.champion.test_ledger import forecast

pytestmark = pytest.mark.e2e


def decay(size: float) -> Decay:
    """Return what the alarm says of 60 live errors that are so much larger than the block's."""
    draws = np.random.default_rng(0)
    judged = JudgedErrors(np.arange(400), draws.normal(size=400))
    days = np.arange(400, 460)
    truths = size * draws.normal(size=60)
    live = LiveRecord(("X",) * 60, days, np.zeros(60), truths, np.full(60, np.nan))
    return watch_live(judged, live, DecayRules())


@flow(name="morning")
def morning(found: Any) -> Any:
    made = (forecast(),)
    publish("2026-01-05T22:00", made, found)
    return state_of(made, found)


def events_since(start: dt.datetime) -> list[dict[str, Any]]:
    """Return the decay events that the server has."""
    with get_client(sync_client=True) as client:
        asked = {"occurred": {"since": start.isoformat()}, "event": {"name": [DECAY_EVENT]}}
        answer = client._client.post("/events/filter", json={"filter": asked})
        return list(answer.json()["events"])


def test_an_alarm_is_state_and_event(prefect_server: None) -> None:
    """A champion that decays ends the flow as Decaying and sends an event, no other."""
    start = dt.datetime.now(dt.UTC) - dt.timedelta(minutes=1)
    healthy: State[Any] = morning(decay(1.0), return_state=True)
    assert (healthy.name, events_since(start)) == ("Completed", [])
    sick: State[Any] = morning(decay(3.0), return_state=True)
    assert sick.name == "Decaying"
    assert "more than chance" in str(sick.message)
    deadline = time.monotonic() + 60
    while not (found := events_since(start)):
        assert time.monotonic() < deadline
        time.sleep(0.5)
    EventsWorker.drain_all()  # its thread draws from `random`, which hypothesis forbids
    assert found[0]["payload"]["why"] == sick.message
    assert found[0]["resource"]["prefect.resource.id"] == "lstm-hpo.model.lstm-hpo"
