package dev.atelier.evaluation;

import dev.atelier.network.HostTensor;
import dev.atelier.network.Libtorch;
import dev.atelier.network.TorchException;
import dev.atelier.network.TorchModule;
import dev.atelier.network.TorchScriptArchive;
import dev.atelier.network.TorchScriptModule;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;

/**
 * A TorchScript network that turns images [N, 3, H, W], 0..255, into features: a tensor [N, D], or
 * a tuple that begins with one.
 */
public final class FeatureExtractor implements AutoCloseable {

  /** SHA-256 of {@code inception-2015-12-05.pt}, the only extractor whose distance is an FID. */
  static final String INCEPTION_SHA256 =
      "f58cb9b6ec323ed63459aa4fb441fe750cfe39fafad6da5cb504a16f19e958f4";

  // Bilinear, antialiased, half-pixel centres: as torch.nn.functional.interpolate(antialias=True).
  private static final String RESIZE =
      """
      def forward(self, x: Tensor) -> Tensor:
        return torch._upsample_bilinear2d_aa(x, [%1$d, %1$d], False, None, None)
      """;

  private final String name;
  private final TorchModule network;
  private final Optional<TorchModule> resize;
  private final int dimension;

  private FeatureExtractor(
      String name, TorchModule network, Optional<TorchModule> resize, int resolution) {
    this.name = name;
    this.network = network;
    this.resize = resize;
    this.dimension = probe(resolution);
  }

  /**
   * Loads an extractor and tries it on two images of {@code resolution}.
   *
   * @param name for messages and protocols
   * @param resizeTo pixels per side that images are resized to before the network, if at all
   * @throws ExtractorException if the file is no TorchScript, or gives something else than features
   */
  public static FeatureExtractor open(
      Path file, String name, Optional<Integer> resizeTo, int resolution, String device) {
    TorchModule network;
    try {
      network = Libtorch.load(file, device, TorchModule.Mode.INFERENCE);
    } catch (IllegalArgumentException e) {
      throw new ExtractorException(
          "Extractor '%s' cannot be used: expected a TorchScript file. %s"
              .formatted(name, e.getMessage()),
          e);
    }
    Optional<TorchModule> resize = Optional.empty();
    try {
      resize = resizeTo.map(size -> resizer(size, device));
      return new FeatureExtractor(name, network, resize, resolution);
    } catch (RuntimeException e) {
      resize.ifPresent(TorchModule::close);
      network.close();
      throw e;
    }
  }

  private static TorchModule resizer(int size, String device) {
    try {
      Path archive = Files.createTempFile("resize-", ".pt");
      try {
        TorchScriptArchive.write(
            archive, new TorchScriptModule("Resize", RESIZE.formatted(size), Map.of()));
        return Libtorch.load(archive, device, TorchModule.Mode.INFERENCE);
      } finally {
        Files.delete(archive);
      }
    } catch (IOException e) {
      throw new UncheckedIOException("Cannot write a temporary file.", e);
    }
  }

  private int probe(int resolution) {
    byte[] images = new byte[2 * 3 * resolution * resolution];
    for (int i = 0; i < images.length; i++) {
      images[i] = (byte) (i * 31);
    }
    return (int) (run(images, 2, 3, resolution).elements() / 2);
  }

  /** D: features per image. */
  public int dimension() {
    return dimension;
  }

  /**
   * Features of images.
   *
   * @param chw {@code count} images [channels, resolution, resolution] as unsigned bytes; a grey
   *     one is shown to the network as RGB
   * @return [N, D]
   * @throws ExtractorException if a feature is not a finite number
   */
  public float[] features(byte[] chw, int count, int channels, int resolution) {
    float[] features = run(chw, count, channels, resolution).toFloats();
    for (int i = 0; i < features.length; i++) {
      if (!Float.isFinite(features[i])) {
        throw new ExtractorException(
            "Extractor '%s' gave %s as feature %d of an image: expected a finite number."
                .formatted(name, features[i], i % dimension));
      }
    }
    return features;
  }

  private HostTensor run(byte[] chw, int count, int channels, int resolution) {
    int plane = resolution * resolution;
    float[] pixels = new float[count * 3 * plane];
    for (int i = 0; i < pixels.length; i++) {
      pixels[i] = chw[channels == 3 ? i : i / (3 * plane) * plane + i % plane] & 0xff;
    }
    HostTensor images = HostTensor.ofFloats(pixels, count, 3, resolution, resolution);
    HostTensor features;
    try {
      HostTensor input = resize.isPresent() ? resize.get().forward(images) : images;
      features = network.run("forward", input).get(0);
    } catch (TorchException e) {
      throw new ExtractorException(
          "Extractor '%s' cannot be used on images [%d, 3, %d, %d]: %s"
              .formatted(name, count, resolution, resolution, e.getMessage()),
          e);
    }
    long[] shape = features.shape();
    boolean floats = features.dtype() == HostTensor.DType.F32;
    if (!floats || shape.length < 2 || shape[0] != count || features.elements() % count != 0) {
      throw new ExtractorException(
          "Extractor '%s' gave %s: expected float features [%d, D]."
              .formatted(name, features, count));
    }
    return features;
  }

  /** What the distance over this extractor's features is called. */
  public static String metricName(String extractorName, String sha256) {
    return sha256.equals(INCEPTION_SHA256)
        ? "FID"
        : "Fréchet distance (%s)".formatted(extractorName);
  }

  @Override
  public void close() {
    resize.ifPresent(TorchModule::close);
    network.close();
  }
}
