package dev.atelier.pipeline;

import dev.atelier.graph.Graph;
import dev.atelier.network.files.WeightFiles;
import dev.atelier.network.tensors.HostTensor;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * An {@code AutoencoderKL} of diffusers: between images in [−1, 1] and latents. Kingma & Welling
 * 2014; Rombach et al. 2022, section 3.1.
 */
public final class Autoencoder {

  private static final float MIN_LOG_VARIANCE = -30;
  private static final float MAX_LOG_VARIANCE = 20;

  private final AutoencoderConfig config;
  private final Map<String, HostTensor> tensors;

  private Autoencoder(AutoencoderConfig config, Map<String, HostTensor> tensors) {
    this.config = config;
    this.tensors = tensors;
  }

  /**
   * Reads the folder {@code part} of the pipeline in {@code root}; what is wrong with it is said
   * before anything is computed.
   *
   * @param variant of the weights, taken where there is one
   * @throws IllegalArgumentException naming the fields or tensors that don't fit, as a clause
   */
  public static Autoencoder read(Path root, String part, Optional<String> variant)
      throws IOException {
    Part files = new Part(root, part, WeightFiles.DIFFUSERS, variant);
    AutoencoderConfig config = AutoencoderConfig.of(files.config("_class_name", "AutoencoderKL"));
    Map<String, HostTensor> tensors = files.tensors();
    Autoencoder read = new Autoencoder(config, tensors);
    files.check(List.of(read.encoderGraph(), read.decoderGraph()), tensors);
    return read;
  }

  /** Its fields. */
  public AutoencoderConfig config() {
    return config;
  }

  /** Number of learned numbers. */
  public long parameters() {
    return tensors.values().stream().mapToLong(HostTensor::elements).sum();
  }

  /** Loads what makes latents of images; {@code work}: a directory for temporary files. */
  public Encoder encoder(String device, Path work) throws IOException {
    return new Encoder(
        config,
        LoadedGraph.load("The autoencoder's encoder", encoderGraph(), tensors, device, work));
  }

  /** Loads what makes images of latents; {@code work}: a directory for temporary files. */
  public Decoder decoder(String device, Path work) throws IOException {
    return new Decoder(
        config,
        LoadedGraph.load("The autoencoder's decoder", decoderGraph(), tensors, device, work));
  }

  // Written for one side, a program computes for every side.
  private Graph encoderGraph() {
    return config.encoder(2 * config.reduction());
  }

  private Graph decoderGraph() {
    return config.decoder(2);
  }

  /**
   * The distribution of an image's latents, before they are multiplied by {@code scaling_factor}: a
   * normal one, each element for itself.
   *
   * @param mean [N, latent channels, H, W]
   * @param logVariance of the same shape, in [−30, 20]
   */
  public record Latents(HostTensor mean, HostTensor logVariance) {}

  /** Makes latents of images. */
  public static final class Encoder implements AutoCloseable {
    private final AutoencoderConfig config;
    private final LoadedGraph graph;

    private Encoder(AutoencoderConfig config, LoadedGraph graph) {
      this.config = config;
      this.graph = graph;
    }

    /** The latents of images [N, C, H, W] in [−1, 1]; H and W are multiples of the reduction. */
    public Latents encode(HostTensor images) {
      requireShape(images, "images", config.imageChannels(), config.reduction());
      HostTensor moments = graph.forward(images); // [N, 2 latent channels, H, W]
      long[] shape = moments.shape();
      shape[1] /= 2;
      float[] both = moments.toFloats();
      int half = Math.toIntExact(shape[1] * shape[2] * shape[3]);
      float[] mean = new float[both.length / 2];
      float[] logVariance = new float[mean.length];
      for (int i = 0; i < mean.length; i++) {
        int at = i / half * 2 * half + i % half;
        mean[i] = both[at];
        logVariance[i] = Math.min(Math.max(both[at + half], MIN_LOG_VARIANCE), MAX_LOG_VARIANCE);
      }
      return new Latents(HostTensor.ofFloats(mean, shape), HostTensor.ofFloats(logVariance, shape));
    }

    @Override
    public void close() {
      graph.close();
    }
  }

  /** Makes images of latents. */
  public static final class Decoder implements AutoCloseable {
    private final AutoencoderConfig config;
    private final LoadedGraph graph;

    private Decoder(AutoencoderConfig config, LoadedGraph graph) {
      this.config = config;
      this.graph = graph;
    }

    /** The images, about [−1, 1], of latents [N, C, H, W] as networks see them. */
    public HostTensor decodeScaled(HostTensor latents) {
      float[] values = latents.toFloats();
      for (int i = 0; i < values.length; i++) {
        values[i] = (float) (values[i] / config.scalingFactor());
      }
      return decode(HostTensor.ofFloats(values, latents.shape()));
    }

    /** The images, about [−1, 1], of latents [N, C, H, W] divided by {@code scaling_factor}. */
    public HostTensor decode(HostTensor latents) {
      requireShape(latents, "latents", config.latentChannels(), 1);
      return graph.forward(latents);
    }

    @Override
    public void close() {
      graph.close();
    }
  }

  private static void requireShape(HostTensor tensor, String what, int channels, int multiple) {
    long[] shape = tensor.shape();
    boolean fits =
        shape.length == 4
            && shape[1] == channels
            && shape[2] % multiple == 0
            && shape[3] % multiple == 0;
    if (!fits) {
      throw new IllegalArgumentException(
          "Expected %s of shape [N, %d, H, W] with multiples of %d as H and W, found %s."
              .formatted(what, channels, multiple, tensor));
    }
  }
}
