"""Why a model forecasts what it does: which features and which bars its forecasts rest on."""
