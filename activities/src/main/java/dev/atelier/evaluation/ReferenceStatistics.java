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

  private static final double SINGLE_EPSILON = 0x1p-23; // of float32, in which others compute

  /**
   * Reads such a file.
   *
   * @throws EvaluationException if it holds something else, a number that is not finite, or a sigma
   *     that is not symmetric
   */
  public static ReferenceStatistics read(Path file) {
    String name = file.getFileName().toString();
    Map<String, NumpyArchive.Entry> arrays;
    try {
      arrays = NumpyArchive.read(file, List.of(MU, SIGMA), List.of(IMAGES, EXTRACTOR));
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
    requireSymmetry(name, covariance, mean.length);
    OptionalLong images =
        Optional.ofNullable(arrays.get(IMAGES))
            .flatMap(NumpyArchive.Entry::numbers)
            .map(number -> OptionalLong.of((long) number[0]))
            .orElse(OptionalLong.empty());
    return new ReferenceStatistics(
        new Gaussian(mean, covariance),
        images,
        Optional.ofNullable(arrays.get(EXTRACTOR)).flatMap(NumpyArchive.Entry::text));
  }

  /**
   * What rounding makes of a zero beside {@code largest}: D ε of it, as NumPy's {@code matrix_rank}
   * has it, with the ε of float32, since who made the file may have computed so.
   */
  private static double rounding(double largest, int dimension) {
    return SINGLE_EPSILON * dimension * largest;
  }

  private static void requireSymmetry(String file, double[] sigma, int d) {
    double largest = 0;
    for (double value : sigma) {
      largest = Math.max(largest, Math.abs(value));
    }
    double most = rounding(largest, d);
    for (int i = 0; i < d; i++) {
      for (int j = 0; j < i; j++) {
        if (Math.abs(sigma[i * d + j] - sigma[j * d + i]) > most) {
          throw noCovariance(
              file,
              "sigma[%d, %d] is %s and sigma[%d, %d] is %s, expected the same"
                  .formatted(i, j, sigma[i * d + j], j, i, sigma[j * d + i]));
        }
      }
    }
  }

  private static EvaluationException noCovariance(String file, String why) {
    return new EvaluationException(
        "Cannot use reference statistics '%s': sigma is no covariance, as %s."
            .formatted(file, why));
  }

  /**
   * Refuses a sigma with an eigenvalue that is negative by more than rounding.
   *
   * @param file what they are called, for the message
   * @throws EvaluationException if there is one
   */
  public ReferenceStatistics requireCovariance(String file, LinearAlgebra algebra) {
    int d = gaussian.dimension();
    double[] eigenvalues = algebra.eigenvalues(gaussian.covariance(), d);
    double largest = Math.max(Math.abs(eigenvalues[0]), Math.abs(eigenvalues[d - 1]));
    double least = -rounding(largest, d);
    if (eigenvalues[0] < least) {
      throw noCovariance(
          file,
          "its least eigenvalue is %.3g, expected at least 0, or %.1g for the rounding of its largest, %.3g"
              .formatted(eigenvalues[0], least, eigenvalues[d - 1]));
    }
    return this;
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
   * The same, made by the network that the user names, if any.
   *
   * @param file what they are called, for the message
   * @param named {@link FeatureExtractor#INCEPTION_NAME} or a SHA-256
   * @throws EvaluationException if the file names another one
   */
  public ReferenceStatistics madeBy(String file, Optional<String> named) {
    Optional<String> sha256 = named.map(FeatureExtractor::sha256Of);
    if (sha256.isPresent() && extractorSha256.isPresent() && !sha256.equals(extractorSha256)) {
      throw new EvaluationException(
          "Reference statistics '%s' say that they come from another extractor than the one named: expected sha256 %s, found %s."
              .formatted(file, sha256.get(), extractorSha256.get()));
    }
    return new ReferenceStatistics(gaussian, images, sha256.or(() -> extractorSha256));
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
