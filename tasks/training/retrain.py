"""The search's best parameters -> the winner, an ensemble over seeds."""

from prefect import task
from prefect.cache_policies import NO_CACHE

from lstm_model.errors import SearchError
from lstm_model.search.hyper_params import HyperParams
from tasks.files import refuse_politely
from tasks.training.ensemble import Ensemble, FinalTrainings, TrainedMember
from tasks.training.warm_weights import write_warm_weights

WINNER = "winner"


@task(name="retrain", cache_policy=NO_CACHE)
def retrain(trainings: FinalTrainings, best: HyperParams) -> Ensemble:
    """Train the best parameters from every seed until the validation loss stops improving.

    With `training.warm_start: weights` a seed begins where the newest version's ended.
    A seed that fails is noted and left out. Raises SearchError if all fail.
    """
    members = [(WINNER, k) for k in range(len(trainings.seeds))]
    with refuse_politely(f"models in {trainings.root}"):
        write_warm_weights(trainings.config, trainings.data_set, best, trainings.root)
    found = trainings.train("retrain", {WINNER: best}, members, warm=True)
    trained = [member for member in found.values() if isinstance(member, TrainedMember)]
    if not trained:
        reasons = {str(reason) for reason in found.values()}
        raise SearchError(
            f"a night needs a final model but all of its trainings failed: "
            f"{'; '.join(sorted(reasons))}"
        )
    return trainings.ensemble(WINNER, best, trained)
