package dev.atelier.api.experiment.artifact;

import java.util.List;

/** The files of an experiment, by kind and name. */
public record ArtifactList(List<ArtifactView> items) {}
