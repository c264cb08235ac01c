package dev.atelier.network.files;

import com.fasterxml.jackson.databind.JsonNode;
import dev.atelier.graph.Value;
import dev.atelier.network.Network;
import dev.atelier.network.files.Repeatability.Answer;
import dev.atelier.network.files.Repeatability.UnfitException;
import dev.atelier.network.libtorch.Libtorch;
import dev.atelier.network.libtorch.MemoryRanOutException;
import dev.atelier.network.libtorch.TorchException;
import dev.atelier.network.libtorch.TorchModule;
import dev.atelier.network.tensors.HostTensor;
import dev.atelier.network.tensors.SafetensorsFile;
import dev.atelier.spec.DiffusionSpec;
import dev.atelier.spec.NetworkSpec;
import dev.atelier.spec.SpecDifference;
import dev.atelier.spec.TeacherSpec;
import dev.atelier.untrusted.RefusedCodeException;
import dev.atelier.untrusted.TorchScriptCheck;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Reads a user's teacher: a safetensors file, a directory in the layout of diffusers, or a
 * TorchScript file {@code (x [N, C, H, W] float, t [N] int64) -> eps}, with {@code y [N] int64}
 * after t where the dataset has classes. Each is tried before it is accepted: networks of ours must
 * answer with numbers, and a user's own also as {@link Repeatability} says.
 */
public final class TeacherImport {

  /**
   * What the spec says of the teacher and of the images.
   *
   * @param classes that it must be conditioned on; 0: it must be unconditional
   * @param clips whether the sampler clips x_0 to [−1, 1]
   * @param variant of a folder's weights; absent: those without one, else the only one
   */
  public record Expected(
      NetworkSpec network,
      int resolution,
      int channels,
      int classes,
      DiffusionSpec diffusion,
      boolean clips,
      Optional<String> variant) {

    /** With a sampler that clips, of weights without a variant, or the only one. */
    public Expected(
        NetworkSpec network, int resolution, int channels, int classes, DiffusionSpec diffusion) {
      this(network, resolution, channels, classes, diffusion, true);
    }

    /** Of weights without a variant, or the only one. */
    public Expected(
        NetworkSpec network,
        int resolution,
        int channels,
        int classes,
        DiffusionSpec diffusion,
        boolean clips) {
      this(network, resolution, channels, classes, diffusion, clips, Optional.empty());
    }

    private Network build(NetworkSpec spec) {
      return Network.of(spec, resolution, channels, classes);
    }

    private boolean namesNetwork() {
      return !network.equals(TeacherSpec.DEFAULT_NETWORK);
    }
  }

  /** A teacher that fits. */
  public sealed interface Imported {
    /** What of the source was taken, for people. */
    String taken();

    /** The forward process that it was trained on, as far as the source or the spec says. */
    DiffusionSpec diffusion();
  }

  /**
   * Weights of a network of ours, by name.
   *
   * @param parts files of its pipeline that stand between it and users, by their names there
   */
  public record Weights(
      Network network,
      Map<String, HostTensor> tensors,
      String taken,
      DiffusionSpec diffusion,
      List<String> parts)
      implements Imported {

    /** Of a network of pixels. */
    public Weights(
        Network network, Map<String, HostTensor> tensors, String taken, DiffusionSpec diffusion) {
      this(network, tensors, taken, diffusion, List.of());
    }
  }

  /** A module of the user's, of which only the number of its parameters is known. */
  public record TorchScript(Path file, long parameters, DiffusionSpec diffusion)
      implements Imported {
    @Override
    public String taken() {
      return "a TorchScript file; nothing says on which forward process it was trained";
    }
  }

  /** When networks of ours are tried. */
  public enum Tried {
    NOW,
    /** When this was read before, such as by an opener: weights would be held once more. */
    BEFORE
  }

  private static final byte[] ZIP = {'P', 'K', 3, 4};
  private final String source;
  private final Expected expected;
  private final String device;
  private final Tried tried;
  private DiffusionSpec diffusion; // the spec's, until the source says another one

  private TeacherImport(String source, Expected expected, String device, Tried tried) {
    this.source = source;
    this.expected = expected;
    this.device = device;
    this.tried = tried;
    this.diffusion = expected.diffusion().settled();
  }

  /**
   * Reads and tries the teacher at {@code path}.
   *
   * @param source its name in messages
   * @param work a directory for temporary files
   * @throws TeacherException with all that is wrong with it
   * @throws MemoryRanOutException if it can't be tried here
   */
  public static Imported read(Path path, String source, Expected expected, String device, Path work)
      throws IOException {
    return read(path, source, expected, device, work, Tried.NOW);
  }

  /** The same, of which networks of ours may have been tried before. */
  public static Imported read(
      Path path, String source, Expected expected, String device, Path work, Tried tried)
      throws IOException {
    return new TeacherImport(source, expected, device, tried).read(path, work);
  }

  private Imported read(Path path, Path work) throws IOException {
    if (Files.isDirectory(path)) {
      return probed(fromDirectory(path), work);
    }
    if (!Files.isRegularFile(path)) {
      throw refused("there is no file or directory '%s'".formatted(path));
    }
    if (expected.variant().isPresent()) {
      throw refused("teacher.variant is for a folder of diffusers, but this is a file");
    }
    byte[] start;
    try (InputStream in = Files.newInputStream(path)) {
      start = in.readNBytes(ZIP.length);
    }
    return Arrays.equals(start, ZIP)
        ? torchScript(
            Files.copy( // what is checked is opened
                path, work.resolve("import.pt"), StandardCopyOption.REPLACE_EXISTING))
        : probed(fromFile(path), work);
  }

  private Weights fromFile(Path file) {
    SafetensorsFile content = open(file);
    Optional<ModelMetadata> metadata;
    try {
      metadata = ModelMetadata.of(content.metadata());
    } catch (IllegalArgumentException e) {
      throw refused(e.getMessage(), e);
    }
    metadata.ifPresent(this::checkMetadata);
    NetworkSpec network = metadata.map(ModelMetadata::network).orElse(expected.network());
    return fitted(
        network,
        NamesApart.undone(content.tensors()),
        metadata.isPresent() ? "" : " of teacher.network",
        "%s, %s%s"
            .formatted(
                file.getFileName(),
                dtypes(content.dtypes()),
                metadata.isPresent()
                    ? ""
                    : "; nothing says on which forward process it was trained"));
  }

  private void checkMetadata(ModelMetadata found) {
    if (found.resolution() != expected.resolution()) {
      throw refused(
          "it is for %d×%d images, but dataset.resolution is %d"
              .formatted(found.resolution(), found.resolution(), expected.resolution()));
    }
    if (found.channels() != expected.channels()) {
      throw refused(
          "it is for images of %d channels, but the dataset has %d"
              .formatted(found.channels(), expected.channels()));
    }
    if (found.classes() != expected.classes()) {
      throw refused(
          "it is %s, but the dataset is %s"
              .formatted(conditioned(found.classes()), conditioned(expected.classes())));
    }
    DiffusionSpec theirs = found.diffusion();
    DiffusionSpec ours = expected.diffusion();
    if (ours.isTeachers()) {
      diffusion = theirs.settled().withStudentsLike(ours);
      return;
    }
    boolean betas = ours.schedule().readsBetas();
    if (!theirs.timesteps().equals(ours.timesteps())
        || theirs.teacherPredicts() != ours.teacherPredicts()
        || theirs.schedule() != ours.schedule()
        || theirs.endsInNoise() != ours.endsInNoise()
        || (betas
            && (!theirs.betaStart().equals(ours.betaStart())
                || !theirs.betaEnd().equals(ours.betaEnd())))) {
      throw refused(
          "it was trained with %s, but the spec has %s"
              .formatted(SchedulerConfig.written(theirs), SchedulerConfig.written(ours)));
    }
  }

  private static String conditioned(int classes) {
    return classes == 0
        ? "not class-conditional"
        : "class-conditional with %d classes".formatted(classes);
  }

  private Weights fromDirectory(Path directory) throws IOException {
    DiffusersFolder folder;
    NetworkSpec network;
    Optional<JsonNode> scheduler;
    WeightFiles files;
    WeightFiles.Read read;
    try {
      folder = DiffusersFolder.of(directory);
      network =
          DiffusersNetwork.network(
              folder.config(), expected.resolution(), expected.channels(), expected.classes());
      scheduler = folder.scheduler();
      if (scheduler.isPresent()) {
        if (expected.diffusion().isTeachers()) {
          diffusion =
              SchedulerConfig.diffusion(scheduler.get()).withStudentsLike(expected.diffusion());
        }
        SchedulerConfig.check(scheduler.get(), diffusion, expected.clips());
      }
      files = folder.weights(expected.variant());
      read = files.read();
    } catch (IllegalArgumentException e) {
      throw refused(e.getMessage(), e);
    }
    boolean later = scheduler.filter(SchedulerConfig::tellsTheNextTimestep).isPresent();
    Weights found =
        fitted(
            network,
            read.tensors(),
            " of config.json",
            "%s, %s%s%s"
                .formatted(
                    folder.shown(files.files()),
                    dtypes(read.dtypes()),
                    later ? "; turned, as it was told T sigma = t + 1, to be told t" : "",
                    scheduler.isPresent()
                        ? expected.diffusion().isTeachers()
                            ? "; its scheduler_config.json says "
                                + SchedulerConfig.written(diffusion)
                            : "; its scheduler_config.json agrees with the spec"
                        : "; without a scheduler_config.json, nothing says on which forward process it was trained"));
    return later ? toldOneEarlier(found) : found;
  }

  private Weights toldOneEarlier(Weights found) {
    try {
      return new Weights(
          found.network(),
          TimestepOffset.oneEarlier(found.network().graph(), found.tensors()),
          found.taken(),
          found.diffusion());
    } catch (IllegalArgumentException e) {
      throw refused(e.getMessage(), e);
    }
  }

  /** Such as F16, widened to F32. */
  static String dtypes(Set<String> stored) {
    String rounded = stored.contains("F64") ? ", rounded to F32" : "";
    boolean widened = stored.contains("F16") || stored.contains("BF16");
    return String.join(" and ", stored) + (widened ? ", widened to F32" : rounded);
  }

  private SafetensorsFile open(Path file) {
    try {
      return SafetensorsFile.read(file);
    } catch (IOException e) {
      throw refused(
          "expected a safetensors file, a TorchScript file or a directory of diffusers, and '%s' can't be read as safetensors: %s"
              .formatted(file.getFileName(), withoutStop(e.getMessage())),
          e);
    }
  }

  private Weights fitted(
      NetworkSpec spec, Map<String, HostTensor> tensors, String whose, String taken) {
    Map<String, HostTensor> current = CurrentTensors.of(tensors);
    try {
      Network network = expected.build(spec);
      if (expected.namesNetwork() && !network.computesAs(expected.build(expected.network()))) {
        throw refused(
            "its network is not that of teacher.network: %s; leave teacher.network out, or make it the same"
                .formatted(
                    SpecDifference.between(spec, expected.network()).stream()
                        .map(
                            field ->
                                "%s is %s, and %s there"
                                    .formatted(field.field(), field.one(), field.other()))
                        .collect(Collectors.joining(", "))));
      }
      network.check(current, "its set of weights" + whose);
      return new Weights(network, current, taken, diffusion);
    } catch (IllegalArgumentException e) {
      throw refused(withoutStop(e.getMessage()), e);
    }
  }

  /**
   * It neither draws at random nor takes statistics of a batch: one answer at each end of [0, T).
   */
  private Imported probed(Weights weights, Path work) throws IOException {
    if (tried == Tried.BEFORE) {
      return weights;
    }
    try (TorchModule module =
        Libtorch.load(weights.network().inferenceModule("UNet", weights.tensors()), device, work)) {
      for (int image : List.of(0, 1)) { // one by one: a large one's feature maps take much
        var unused = eps(module, weights.network().graph().told().context(), image);
      }
    } catch (UnfitException e) {
      throw refused(e.getMessage(), e);
    }
    return weights;
  }

  private Imported torchScript(Path file) {
    if (expected.namesNetwork()) {
      throw refused("a TorchScript file has its own network: leave teacher.network out");
    }
    try {
      TorchScriptCheck.check(file);
    } catch (RefusedCodeException e) {
      throw refused("expected a TorchScript file that only computes: it " + e.getMessage(), e);
    }
    TorchModule loaded;
    try {
      loaded = Libtorch.load(file, device, TorchModule.Mode.INFERENCE);
    } catch (IllegalArgumentException e) {
      throw refused("expected a TorchScript file: " + withoutStop(e.getMessage()), e);
    }
    try (TorchModule module = loaded) {
      probe(module);
      return new TorchScript(file, module.parameters(), diffusion);
    }
  }

  /** Asks for eps of images at both ends of [0, T) and in its middle. */
  private void probe(TorchModule module) {
    try {
      Repeatability.probe(
          images -> List.of(new Answer("eps", eps(module, Optional.empty(), images))), device);
    } catch (UnfitException e) {
      throw refused(e.getMessage(), e);
    }
  }

  /**
   * @param context what it reads beside x, as an empty text might be; absent: nothing
   */
  private float[] eps(TorchModule module, Optional<Value> context, int... images) {
    int count = images.length;
    int side = expected.resolution();
    long[] shape = {count, expected.channels(), side, side};
    HostTensor x = HostTensor.zeros(HostTensor.DType.F32, shape);
    float[] values = new float[Math.toIntExact(x.elements())];
    int each = values.length / count;
    for (int i = 0; i < values.length; i++) {
      int image = images[i / each];
      values[i] = (float) ((1 + image) * Math.sin(i % each + image));
    }
    x.putFloats(values);
    HostTensor t = HostTensor.ofLongs(spread(diffusion.timesteps(), images), count);
    HostTensor y = HostTensor.ofLongs(spread(expected.classes(), images), count);
    boolean conditional = expected.classes() > 0;
    List<HostTensor> asked = new ArrayList<>(conditional ? List.of(x, t, y) : List.of(x, t));
    context.ifPresent(
        c -> asked.add(HostTensor.zeros(HostTensor.DType.F32, count, c.pixels(), c.width())));
    HostTensor eps;
    try {
      eps =
          MemoryRanOutException.naming(
              "The teacher", count, side, () -> module.forward(asked.toArray(HostTensor[]::new)));
    } catch (TorchException e) {
      throw new UnfitException(
          "it can't be asked for eps of x %s%s: %s"
              .formatted(
                  x,
                  conditional ? ", t %s and y %s".formatted(t, y) : " and t %s".formatted(t),
                  withoutStop(e.getMessage())));
    }
    if (eps.dtype() != HostTensor.DType.F32 || !Arrays.equals(eps.shape(), shape)) {
      throw new UnfitException("for x %s it gave %s, expected the shape of x".formatted(x, eps));
    }
    if (!eps.isFinite()) {
      throw new UnfitException("for x %s it gave values that are not finite".formatted(x));
    }
    return eps.toFloats();
  }

  /** The first of [0, end), the last, and the middle one. */
  private static long[] spread(int end, int... images) {
    return Arrays.stream(images)
        .mapToLong(image -> image == 0 ? 0 : image == 1 ? end - 1 : end / 2)
        .toArray();
  }

  private TeacherException refused(String reason) {
    return new TeacherException(source, reason);
  }

  private TeacherException refused(String reason, Throwable cause) {
    return new TeacherException(source, reason, cause);
  }

  private static String withoutStop(String sentence) {
    return sentence.endsWith(".") ? sentence.substring(0, sentence.length() - 1) : sentence;
  }
}
