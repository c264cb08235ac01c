package dev.atelier.api.experiment.evaluation;

import java.util.List;

/** The figures of each subject of an experiment, in order of their evaluation. */
public record EvaluationList(List<EvaluationView> items) {}
