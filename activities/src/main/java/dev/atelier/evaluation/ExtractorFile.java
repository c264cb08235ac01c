package dev.atelier.evaluation;

import java.nio.file.Path;

/**
 * A feature extractor as a file on this machine.
 *
 * @param name that it is known by
 * @param sha256 of the file
 */
public record ExtractorFile(Path path, String name, String sha256) {}
