"""Atelier from Python: launch experiments, wait for them, ask the history, load what they made.

import atelier

experiment = atelier.connect().launch("examples/demo.yaml").wait()
experiment.evaluations                      # a DataFrame
eps = experiment.load_ensemble()            # a torch module: eps(x, t)
"""

from atelier.client import Atelier, Experiments, connect
from atelier.errors import AtelierError, AtelierWarning, ExperimentEnded, Fault
from atelier.experiment import Experiment

__version__ = "0.1.0"

__all__ = [
    "Atelier",
    "AtelierError",
    "AtelierWarning",
    "Experiment",
    "ExperimentEnded",
    "Experiments",
    "Fault",
    "connect",
]
