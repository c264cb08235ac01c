package dev.atelier.evaluation;

import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * Feature statistics as pytorch-fid keeps them: an {@code .npz} with {@code mu} [D] and {@code
 * sigma} [D, D]. Atelier adds {@code images} and {@code extractor_sha256}, which other tools skip.
 */
public record ReferenceStatistics(
    Gaussian gaussian, OptionalLong images, Optional<String> extractorSha256) {

  private static final String MU = "mu";
  private static final String SIGMA = "sigma";
  private static final String IMAGES = "images";
  private static final String EXTRACTOR = "extractor_sha256";
  private static final List<String> ARRAYS = List.of(MU, SIGMA, IMAGES, EXTRACTOR);

  /**
   * Reads such a file.
   *
   * @throws EvaluationException if it holds something else, or a number that is not finite
   */
  public static ReferenceStatistics read(Path file) {
    String name = file.getFileName().toString();
    Map<String, NumpyArchive.Entry> arrays;
    try {
      arrays = NumpyArchive.read(file, ARRAYS);
    } catch (IOException e) {
      throw new EvaluationException(
          "Cannot read reference statistics '%s': expected an .npz with mu and sigma. %s"
              .formatted(name, e.getMessage()),
          e);
    }
    double[] mean = numbers(name, arrays, MU, 1);
    double[] covariance = numbers(name, arrays, SIGMA, 2);
    int[] shape = arrays.get(SIGMA).shape();
    if (mean.length == 0 || shape[0] != mean.length || shape[1] != mean.length) {
      throw new EvaluationException(
          "Cannot use reference statistics '%s': expected sigma [%d, %d] as mu has %d numbers, found [%d, %d]."
              .formatted(name, mean.length, mean.length, mean.length, shape[0], shape[1]));
    }
    OptionalLong images =
        arrays.containsKey(IMAGES)
            ? OptionalLong.of((long) numbers(name, arrays, IMAGES, 0)[0])
            : OptionalLong.empty();
    return new ReferenceStatistics(
        new Gaussian(mean, covariance),
        images,
        Optional.ofNullable(arrays.get(EXTRACTOR)).flatMap(NumpyArchive.Entry::text));
  }

  private static double[] numbers(
      String file, Map<String, NumpyArchive.Entry> arrays, String key, int axes) {
    NumpyArchive.Entry array = arrays.get(key);
    if (array == null || array.shape().length != axes || array.numbers().isEmpty()) {
      throw new EvaluationException(
          "Cannot use reference statistics '%s': expected an array '%s' with %d axes of numbers, found %s."
              .formatted(
                  file, key, axes, array == null ? "only " + arrays.keySet() : array.toString()));
    }
    double[] values = array.numbers().get();
    for (int i = 0; i < values.length; i++) {
      if (!Double.isFinite(values[i])) {
        throw new EvaluationException(
            "Cannot use reference statistics '%s': number %d of '%s' is %s, expected a finite one."
                .formatted(file, i, key, values[i]));
      }
    }
    return values;
  }

  /** Writes the file; the same statistics give the same bytes. */
  public void write(Path file) throws IOException {
    int d = gaussian.dimension();
    Map<String, NumpyArchive.Entry> arrays = new LinkedHashMap<>();
    arrays.put(MU, NumpyArchive.Entry.of(gaussian.mean(), d));
    arrays.put(SIGMA, NumpyArchive.Entry.of(gaussian.covariance(), d, d));
    images.ifPresent(
        count -> arrays.put(IMAGES, NumpyArchive.Entry.of(new double[] {(double) count})));
    extractorSha256.ifPresent(sha -> arrays.put(EXTRACTOR, NumpyArchive.Entry.of(sha)));
    NumpyArchive.write(file, arrays);
  }

  /**
   * Refuses statistics of another extractor.
   *
   * @param file what they are called, for the message
   * @throws EvaluationException if their dimension or the extractor they name is another one
   */
  public void requireExtractor(String file, String extractor, String sha256, int dimension) {
    if (gaussian.dimension() != dimension) {
      throw new EvaluationException(
          "Reference statistics '%s' come from another extractor: expected %d features, which '%s' gives, found %d."
              .formatted(file, dimension, extractor, gaussian.dimension()));
    }
    if (extractorSha256.isPresent() && !extractorSha256.get().equals(sha256)) {
      throw new EvaluationException(
          "Reference statistics '%s' come from another extractor: expected sha256 %s, which '%s' has, found %s."
              .formatted(file, sha256, extractor, extractorSha256.get()));
    }
    if (images.isPresent()) {
      MeasuredFeatures.requireEnough(
          "images behind '%s'".formatted(file), images.getAsLong(), dimension);
    }
  }
}
