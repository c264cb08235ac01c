package dev.atelier.workflows;

import java.util.Optional;

/**
 * The features of some of a subject's samples, in the store until they are combined.
 *
 * @param objectKey of a safetensors file
 * @param sha256 of that file
 * @param first image, from 0
 * @param images number of images
 * @param timedImages those whose time counts: the first batch warms up
 * @param seconds that these took
 * @param cost of the models; the first shard measures it
 */
public record ShardRef(
    String objectKey,
    String sha256,
    int first,
    int images,
    int timedImages,
    double seconds,
    Optional<Cost> cost) {

  /**
   * What sampling from the models needs.
   *
   * @param macsPerStep mean over the sampler's steps, for one image, where known
   * @param parameters of all models; a model counts once
   * @param peakBytes most memory at once, where it could be measured
   * @param weightsBytes of it, the models' weights
   */
  public record Cost(
      Optional<Double> macsPerStep,
      long parameters,
      Optional<Long> peakBytes,
      Optional<Long> weightsBytes) {}
}
