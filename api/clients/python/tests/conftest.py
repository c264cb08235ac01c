"""A local stack that runs, found as users' programs find it, and an experiment that is done on it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import atelier

TINY = Path(__file__).with_name("tiny.yaml")
PATIENCE = 600  # seconds; ends a hung test, no more


@pytest.fixture(scope="session")
def api() -> atelier.Atelier:
    return atelier.connect()


@pytest.fixture(scope="session")
def done(api: atelier.Atelier) -> atelier.Experiment:
    """An experiment that is DONE: three specialists, one generalist, their teacher."""
    return api.launch(TINY).wait(progress=False, timeout=PATIENCE)


@pytest.fixture
def long(api: atelier.Atelier) -> Iterator[atelier.Experiment]:
    """An experiment that does not end by itself."""
    spec = TINY.read_text().replace("steps: 60,", "steps: 1000000,").replace("seed: 1\n", "seed: 2\n")
    experiment = api.launch(spec)
    yield experiment
    experiment.refresh()
    if not experiment.ended:
        experiment.cancel()
