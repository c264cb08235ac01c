package dev.atelier.evaluation;

import com.fasterxml.jackson.annotation.JsonRawValue;
import java.util.Map;
import java.util.Optional;

/**
 * The figures of one subject.
 *
 * @param macsPerStep multiply-accumulates, mean over the sampler's steps, where known
 * @param peakMemoryBytes largest resident set of a process that only loads the models and samples a
 *     batch; 0: not measured
 * @param protocol JSON: how the figures were measured
 * @param metrics every figure that compares images, by name
 * @param weightsBytes of all models as libtorch holds them, where measured
 */
public record Evaluation(
    String subject,
    String metric,
    double distance,
    Optional<Double> macsPerStep,
    long parameters,
    double imagesPerSecond,
    long peakMemoryBytes,
    @JsonRawValue String protocol,
    Map<String, Double> metrics,
    Optional<Long> weightsBytes) {}
