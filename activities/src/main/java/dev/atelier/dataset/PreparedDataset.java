package dev.atelier.dataset;

import java.nio.file.Path;

/** A directory that holds a manifest file and the shards it names. */
public record PreparedDataset(Path directory, DatasetManifest manifest) {}
