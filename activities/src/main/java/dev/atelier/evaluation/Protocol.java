package dev.atelier.evaluation;

import dev.atelier.spec.EvaluationSpec.SamplerSpec;
import java.util.Optional;

/**
 * How a distance was measured; figures with different protocols don't compare.
 *
 * @param metric what the distance is called
 * @param resizeTo pixels per side before the extractor (bilinear, antialiased), if resized
 * @param referenceSha256 content hash of the dataset compared with
 * @param seed of the samples' noise
 */
public record Protocol(
    String metric,
    String extractor,
    String extractorSha256,
    Optional<Integer> resizeTo,
    int samples,
    int referenceImages,
    String referenceSha256,
    SamplerSpec sampler,
    long seed,
    String codeVersion) {}
