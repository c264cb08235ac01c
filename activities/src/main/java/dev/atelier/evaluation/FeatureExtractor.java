package dev.atelier.evaluation;

import dev.atelier.network.files.Repeatability;
import dev.atelier.network.files.Repeatability.Answer;
import dev.atelier.network.files.Repeatability.UnfitException;
import dev.atelier.network.libtorch.Libtorch;
import dev.atelier.network.libtorch.MemoryRanOutException;
import dev.atelier.network.libtorch.TorchException;
import dev.atelier.network.libtorch.TorchModule;
import dev.atelier.network.tensors.HostTensor;
import dev.atelier.network.torchscript.TorchScriptArchive;
import dev.atelier.network.torchscript.TorchScriptModule;
import dev.atelier.spec.EvaluationSpec;
import dev.atelier.untrusted.RefusedCodeException;
import dev.atelier.untrusted.TorchScriptCheck;
import dev.atelier.workflows.vocabulary.Metric;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * A TorchScript network that turns images [N, 3, H, W], 0..255, into features: a tensor [N, D], or
 * a tuple of features and class logits [N, C]. The standard Inception file, told by its SHA-256,
 * has a calling convention of its own.
 */
public final class FeatureExtractor implements AutoCloseable {

  /** SHA-256 of {@code inception-2015-12-05.pt}, the only extractor whose distance is an FID. */
  static final String INCEPTION_SHA256 =
      "f58cb9b6ec323ed63459aa4fb441fe750cfe39fafad6da5cb504a16f19e958f4";

  /** What users call that network. */
  public static final String INCEPTION_NAME = EvaluationSpec.INCEPTION;

  static final String FID = Metric.FID;

  /** How the network is asked. */
  enum Convention {
    PLAIN, // forward(x): features, or (features, logits)
    INCEPTION // forward(x, return_features, use_fp16, no_output_bias): features, or probabilities
  }

  /** What pixel values networks are given, for protocols. */
  public static final String NORMALISATION = "0..255, then the extractor's own";

  // Bilinear, antialiased, half-pixel centres: as torch.nn.functional.interpolate(antialias=True).
  private static final String RESIZE =
      """
      def forward(self, x: Tensor) -> Tensor:
        return torch._upsample_bilinear2d_aa(x, [%1$d, %1$d], False, None, None)
      """;

  private final String name;
  private final TorchModule network;
  private final Optional<TorchModule> resize;
  private final Convention convention;
  private final int dimension;
  private final int classes;

  private FeatureExtractor(
      String name,
      Convention convention,
      TorchModule network,
      Optional<TorchModule> resize,
      int resolution,
      String device) {
    this.name = name;
    this.convention = convention;
    this.network = network;
    this.resize = resize;
    List<Answer> probe;
    try {
      probe = Repeatability.probe(images -> probe(resolution, images), device);
    } catch (UnfitException e) {
      throw refused(e);
    }
    this.dimension = probe.get(0).values().length / 2;
    this.classes = probe.size() > 1 ? probe.get(1).values().length / 2 : 0;
  }

  private List<Answer> probe(int resolution, int... images) {
    Raw raw = run(probeImages(resolution, images), images.length, 3, resolution, true);
    Answer features = new Answer("features", raw.features().toFloats());
    return raw.classes()
        .map(rows -> List.of(features, new Answer("class outputs", rows.toFloats())))
        .orElseGet(() -> List.of(features));
  }

  /**
   * Loads an extractor and tries it on images of {@code resolution}, see {@link Repeatability}.
   *
   * @param name for messages and protocols
   * @param sha256 of the file
   * @param resizeTo pixels per side that images are resized to before the network, if at all
   * @throws ExtractorException if the file is no TorchScript, gives something else than features,
   *     or other ones for the same image, or resizes images itself and {@code resizeTo} asks for
   *     that too
   */
  public static FeatureExtractor open(
      Path file,
      String name,
      String sha256,
      Optional<Integer> resizeTo,
      int resolution,
      String device) {
    Convention convention =
        sha256.equals(INCEPTION_SHA256) ? Convention.INCEPTION : Convention.PLAIN;
    return open(file, name, convention, resizeTo, resolution, device);
  }

  static FeatureExtractor open(
      Path file,
      String name,
      Convention convention,
      Optional<Integer> resizeTo,
      int resolution,
      String device) {
    if (convention == Convention.INCEPTION && resizeTo.isPresent()) {
      throw new ExtractorException(
          "Extractor '%s' is the standard Inception network, which resizes images itself: expected no resizing before it, found resizeTo %d."
              .formatted(name, resizeTo.get()));
    }
    if (convention == Convention.PLAIN) { // Inception is known by its hash
      try {
        TorchScriptCheck.check(file);
      } catch (RefusedCodeException e) {
        throw new ExtractorException(
            "Extractor '%s' cannot be used: expected a TorchScript file that only computes. It %s."
                .formatted(name, e.getMessage()),
            e);
      }
    }
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
      return new FeatureExtractor(name, convention, network, resize, resolution, device);
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

  /** Unlike images, none of one colour: grain, dark stripes, and a bright slope. */
  private static byte[] probeImages(int resolution, int... images) {
    int each = 3 * resolution * resolution;
    byte[] pixels = new byte[images.length * each];
    for (int i = 0; i < pixels.length; i++) {
      int at = i % each;
      int x = at % resolution;
      pixels[i] =
          (byte)
              switch (images[i / each]) {
                case 0 -> at * 31;
                case 1 -> x / 3 % 2 == 0 ? 10 + at % 7 : 80;
                default -> 255 - 96 * x / resolution - at % 11;
              };
    }
    return pixels;
  }

  private ExtractorException refused(UnfitException e) {
    return new ExtractorException(
        "Extractor '%s' cannot be used: %s.".formatted(name, e.getMessage()), e);
  }

  /** D: features per image. */
  public int dimension() {
    return dimension;
  }

  /** Number of classes that the network tells apart; 0: it gives features alone. */
  public int classes() {
    return classes;
  }

  /** What {@link Outputs#classes} are. */
  public ClassScore.Outputs classOutputs() {
    if (classes == 0) {
      return ClassScore.Outputs.NONE;
    }
    return convention == Convention.INCEPTION
        ? ClassScore.Outputs.PROBABILITIES
        : ClassScore.Outputs.LOGITS;
  }

  /**
   * What the network tells of images.
   *
   * @param features [N, D]
   * @param classes [N, C], see {@link #classOutputs}; empty where they weren't asked for
   */
  @SuppressWarnings("ArrayRecordComponent") // never compared
  public record Outputs(float[] features, float[] classes) {}

  /**
   * Features of images.
   *
   * @param chw {@code count} images [channels, resolution, resolution] as unsigned bytes; a grey
   *     one is shown to the network as RGB
   * @return [N, D]
   * @throws ExtractorException if a feature is not a finite number
   */
  public float[] features(byte[] chw, int count, int channels, int resolution) {
    return finite(asked(chw, count, channels, resolution, false).features().toFloats(), dimension);
  }

  /**
   * Features and class outputs of images, as {@link #features}. Inception gives one of the two per
   * pass and is run twice.
   */
  public Outputs outputs(byte[] chw, int count, int channels, int resolution) {
    Raw raw = asked(chw, count, channels, resolution, true);
    return new Outputs(
        finite(raw.features().toFloats(), dimension),
        raw.classes().map(rows -> finite(rows.toFloats(), classes)).orElse(new float[0]));
  }

  private float[] finite(float[] values, int perImage) {
    for (int i = 0; i < values.length; i++) {
      if (!Float.isFinite(values[i])) {
        throw new ExtractorException(
            "Extractor '%s' gave %s as feature %d of an image: expected a finite number."
                .formatted(name, values[i], i % perImage));
      }
    }
    return values;
  }

  private record Raw(HostTensor features, Optional<HostTensor> classes) {}

  private Raw asked(byte[] chw, int count, int channels, int resolution, boolean withClasses) {
    try {
      return run(chw, count, channels, resolution, withClasses);
    } catch (UnfitException e) {
      throw refused(e);
    }
  }

  private Raw run(byte[] chw, int count, int channels, int resolution, boolean withClasses) {
    int plane = resolution * resolution;
    float[] pixels = new float[count * 3 * plane];
    for (int i = 0; i < pixels.length; i++) {
      pixels[i] = chw[channels == 3 ? i : i / (3 * plane) * plane + i % plane] & 0xff;
    }
    HostTensor images = HostTensor.ofFloats(pixels, count, 3, resolution, resolution);
    Raw raw;
    try {
      raw =
          MemoryRanOutException.naming(
              "The extractor",
              count,
              resolution,
              () -> run(resize.isPresent() ? resize.get().forward(images) : images, withClasses));
    } catch (TorchException e) {
      throw new UnfitException(
          "it fails on images [%d, 3, %d, %d]: %s"
              .formatted(count, resolution, resolution, e.getMessage().replaceFirst("\\.$", "")));
    }
    HostTensor features = raw.features();
    long[] shape = features.shape();
    if (features.dtype() != HostTensor.DType.F32
        || shape.length < 2
        || shape[0] != count
        || features.elements() == 0) {
      throw new UnfitException(
          "it gave %s, expected float features [%d, D]".formatted(features, count));
    }
    return new Raw(raw.features(), raw.classes().filter(rows -> areClasses(rows, count)));
  }

  private Raw run(HostTensor input, boolean withClasses) {
    return switch (convention) {
      case PLAIN -> {
        List<HostTensor> results = network.results(input);
        yield new Raw(
            results.get(0), results.size() > 1 ? Optional.of(results.get(1)) : Optional.empty());
      }
      case INCEPTION ->
          new Raw(
              network.forwardWithOptions(input, true, false, false),
              // Without the bias, as the Inception score was first computed.
              withClasses
                  ? Optional.of(network.forwardWithOptions(input, false, false, true))
                  : Optional.empty());
    };
  }

  private static boolean areClasses(HostTensor rows, int count) {
    long[] shape = rows.shape();
    return rows.dtype() == HostTensor.DType.F32
        && shape.length == 2
        && shape[0] == count
        && shape[1] > 1;
  }

  /** Whether the network is the one whose distance is an FID. */
  public static boolean isInception(String sha256) {
    return sha256.equals(INCEPTION_SHA256);
  }

  /** What the distance over this extractor's features is called, where it made both sides. */
  public static String metricName(String extractorName, String sha256) {
    return metricName(extractorName, sha256, Optional.of(sha256));
  }

  /**
   * What the distance is called.
   *
   * @param otherSha256 of the network behind the other side; empty: nobody has said which it is, so
   *     that nothing is called FID
   */
  public static String metricName(
      String extractorName, String sha256, Optional<String> otherSha256) {
    if (!isInception(sha256)) {
      return "Fréchet distance (%s)".formatted(extractorName);
    }
    return otherSha256.isPresent()
        ? FID
        : "Fréchet distance (%s; statistics of an unnamed network)".formatted(extractorName);
  }

  /** The SHA-256 of a network as users name it: {@value #INCEPTION_NAME}, or itself. */
  public static String sha256Of(String named) {
    return named.equals(INCEPTION_NAME) ? INCEPTION_SHA256 : named.toLowerCase(Locale.ROOT);
  }

  @Override
  public void close() {
    resize.ifPresent(TorchModule::close);
    network.close();
  }
}
