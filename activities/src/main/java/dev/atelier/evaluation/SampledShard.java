package dev.atelier.evaluation;

import dev.atelier.workflows.ShardRef.Cost;
import java.nio.file.Path;
import java.util.Optional;

/**
 * A shard that was sampled now.
 *
 * @param file its features
 * @param timedImages those whose time counts
 * @param seconds that these took
 * @param cost of the subject; absent: another shard says it
 */
public record SampledShard(Path file, int timedImages, double seconds, Optional<Cost> cost) {}
