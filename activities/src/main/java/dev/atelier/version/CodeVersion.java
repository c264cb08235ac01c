package dev.atelier.version;

import dev.atelier.store.objects.Sha256;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The version of the code that decides a kind of result, as checkpoints, protocols and fingerprints
 * name it: of its classes, whatever else a build changes, and of the libraries that decide numbers.
 */
@SuppressWarnings("ImmutableEnumChecker") // the lists are of List.of
public enum CodeVersion {
  /** Which images a dataset has, and their pixels. */
  DATASET(
      List.of("dataset/DatasetPreparation"),
      List.of("commons-compress", "duckdb", "lmdbjava", "webp-imageio", "xz", "zstd-jni")),
  /** What networks see of a dataset in place of pixels, and read of its captions. */
  ENCODING(List.of("encoding/DatasetEncoding"), List.of("djl", "pytorch")),
  /** The weights of a trained model. */
  TRAINING(
      List.of(
          "training/TrainingLoop",
          "attempt/TrainingTasks",
          "artifacts/TrainedModels",
          "dataset/PackedImages",
          "encoding/EncodedImages"),
      List.of("djl", "pytorch")),
  /** The samples of a subject, and their features. */
  SAMPLING(
      List.of("evaluation/ShardSampling", "evaluation/EvaluationInputs", "artifacts/TrainedModels"),
      List.of("djl", "pytorch")),
  /** The figures that features give, those of the reference too. */
  MEASURING(
      List.of("evaluation/ShardComparison", "evaluation/DatasetFeatures", "dataset/PackedImages"),
      List.of("djl", "pytorch")),
  /** Which students are merged, and how. */
  MERGING(
      List.of(
          "merging/Merger",
          "merging/ScheduleFinder",
          "merging/WeightMerging",
          "artifacts/TrainedModels"),
      List.of("djl", "pytorch"));

  /** Written by the build: the version of each library that decides numbers. */
  private static final String LIBRARIES = "libraries.properties";

  private static final int DIGITS = 16;
  private static final Map<CodeVersion, String> CURRENT =
      current(CodeVersion::classFile, libraryVersions());

  private final List<String> entries;
  private final List<String> libraries;

  /** By names, as whoever asks for a version is among the classes that decide. */
  CodeVersion(List<String> entries, List<String> libraries) {
    this.entries = entries.stream().map(name -> DecidingCode.OWN + name).toList();
    this.libraries = libraries;
  }

  /** The version of this program. */
  public String current() {
    return CURRENT.get(this);
  }

  /** The version of all that this program decides. */
  public static String ofAll() {
    return together(CodeVersion.values());
  }

  /** The version of what is decided by several kinds of code. */
  public static String together(CodeVersion... versions) {
    return hash(Arrays.stream(versions).map(version -> version + " " + version.current()));
  }

  /** Names of the classes, with slashes, from which the others are found. */
  List<String> entries() {
    return entries;
  }

  /** Names of the libraries whose versions count. */
  List<String> libraries() {
    return libraries;
  }

  /**
   * The versions of a program.
   *
   * @param classFiles its class files by name with slashes
   * @param libraries version by library
   */
  static Map<CodeVersion, String> current(
      Function<String, Optional<byte[]>> classFiles, Properties libraries) {
    DecidingCode code = new DecidingCode(classFiles);
    return Arrays.stream(values())
        .collect(Collectors.toMap(version -> version, version -> version.of(code, libraries)));
  }

  private String of(DecidingCode code, Properties versions) {
    return hash(
        Stream.concat(
            code.from(entries).hashes().entrySet().stream().map(Object::toString),
            libraries.stream().map(library -> library + "=" + versions.getProperty(library))));
  }

  private static String hash(Stream<String> lines) {
    String text = lines.collect(Collectors.joining("\n"));
    return Sha256.of(text.getBytes(StandardCharsets.UTF_8)).substring(0, DIGITS);
  }

  /** A class file of this program. */
  static Optional<byte[]> classFile(String name) {
    try (InputStream file =
        CodeVersion.class.getClassLoader().getResourceAsStream(name + ".class")) {
      return file == null ? Optional.empty() : Optional.of(file.readAllBytes());
    } catch (IOException e) {
      throw new UncheckedIOException(
          "Cannot read the program's own class '%s'.".formatted(name), e);
    }
  }

  /** The versions of the libraries that decide numbers. */
  static Properties libraryVersions() {
    Properties versions = new Properties();
    try (InputStream file = CodeVersion.class.getResourceAsStream(LIBRARIES)) {
      versions.load(file);
      return versions;
    } catch (IOException e) {
      throw new UncheckedIOException("Cannot read the versions of libraries.", e);
    }
  }
}
