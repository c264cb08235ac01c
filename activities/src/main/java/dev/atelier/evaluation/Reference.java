package dev.atelier.evaluation;

import dev.atelier.network.tensors.HostTensor;
import dev.atelier.network.tensors.SafetensorsFile;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.TreeMap;

/**
 * What samples are compared with.
 *
 * @param images number of images that it stands for, where known
 * @param rows features of single images; given statistics have none
 */
public record Reference(Gaussian gaussian, OptionalLong images, Optional<FeatureRows> rows) {

  /** The images of a dataset. */
  public static Reference of(MeasuredFeatures measured) {
    return new Reference(
        measured.statistics().gaussian(),
        OptionalLong.of(measured.statistics().count()),
        Optional.of(measured.rows()));
  }

  /** Statistics without images. */
  public static Reference of(ReferenceStatistics statistics) {
    return new Reference(statistics.gaussian(), statistics.images(), Optional.empty());
  }

  /**
   * Writes a safetensors file with {@code mu} [D], {@code sigma} [D, D], {@code images} [1] and
   * {@code features} [n, D].
   *
   * @throws IllegalStateException if there are no rows
   */
  public void write(Path file) throws IOException {
    int d = gaussian.dimension();
    FeatureRows features = rows.orElseThrow(() -> new IllegalStateException("No features."));
    SafetensorsFile.write(
        file,
        // Sorted: Map.of has another order in each process, and the file is known by its hash.
        new TreeMap<>(
            Map.of(
                "mu", HostTensor.ofDoubles(gaussian.mean(), d),
                "sigma", HostTensor.ofDoubles(gaussian.covariance(), d, d),
                "images", HostTensor.ofLongs(new long[] {images.orElse(0)}, 1),
                "features", features.tensor())),
        Map.of());
  }

  /** Reads what {@link #write} wrote. */
  public static Reference read(Path file) throws IOException {
    Map<String, HostTensor> tensors = SafetensorsFile.read(file).tensors();
    HostTensor features = tensors.get("features");
    return new Reference(
        new Gaussian(tensors.get("mu").toDoubles(), tensors.get("sigma").toDoubles()),
        OptionalLong.of(tensors.get("images").data().asLongBuffer().get(0)),
        Optional.of(new FeatureRows(features.toFloats(), (int) features.shape()[1])));
  }
}
