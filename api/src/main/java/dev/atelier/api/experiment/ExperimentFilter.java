package dev.atelier.api.experiment;

import dev.atelier.workflows.Stage;
import java.util.Map;
import java.util.Optional;

/** Which experiments a list shows. */
record ExperimentFilter(
    Optional<Stage> stage,
    Optional<String> nameContains,
    Map<String, String> labels, // all of them
    Optional<String> datasetSource) {}
