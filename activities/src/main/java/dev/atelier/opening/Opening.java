package dev.atelier.opening;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import dev.atelier.dataset.ArchiveLimits;
import dev.atelier.dataset.DatasetException;
import dev.atelier.dataset.DatasetPreparation;
import dev.atelier.dataset.DatasetPreparation.FileVisitor;
import dev.atelier.dataset.Extent;
import dev.atelier.dataset.PreparationListener;
import dev.atelier.dataset.SourceGuard;
import dev.atelier.evaluation.ClipModelCheck;
import dev.atelier.evaluation.EvaluationException;
import dev.atelier.evaluation.ExtractorException;
import dev.atelier.evaluation.FeatureExtractor;
import dev.atelier.evaluation.LinearAlgebra;
import dev.atelier.evaluation.ReferenceStatistics;
import dev.atelier.network.files.DiffusersFiles;
import dev.atelier.network.files.TeacherException;
import dev.atelier.network.files.TeacherImport;
import dev.atelier.network.files.TeacherImport.Tried;
import dev.atelier.pipeline.Parts;
import dev.atelier.pipeline.PipelineImport;
import dev.atelier.spec.DatasetSpec;
import dev.atelier.spec.NetworkSpec;
import dev.atelier.spec.SourcePolicy;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * A file of a user's that is to be opened: to see whether it does what it should, or to make of it
 * what is used in its place.
 */
@JsonTypeInfo(use = JsonTypeInfo.Id.NAME, property = "kind")
@JsonSubTypes({
  @JsonSubTypes.Type(value = Opening.Extractor.class, name = "extractor"),
  @JsonSubTypes.Type(value = Opening.Statistics.class, name = "statistics"),
  @JsonSubTypes.Type(value = Opening.Clip.class, name = "clip"),
  @JsonSubTypes.Type(value = Opening.Teacher.class, name = "teacher"),
  @JsonSubTypes.Type(value = Opening.PipelineParts.class, name = "parts"),
  @JsonSubTypes.Type(value = Opening.Dataset.class, name = "dataset")
})
public sealed interface Opening {

  /** The folder below the work directory that holds what was made of the file, if anything is. */
  String MADE = "made";

  /**
   * Opens it in this process.
   *
   * @param work a directory for temporary files, and for what is made
   * @param listener hears how far it is
   * @throws RuntimeException of the file's kind if it cannot be used
   */
  void open(Path work, PreparationListener listener) throws IOException;

  /** The failure of this kind of file, with a sentence of its own. */
  RuntimeException refusal(String sentence);

  /** The failure of this kind of file, for a process that died of it. */
  default RuntimeException failure(String clause) {
    return refusal("Cannot use '%s': %s.".formatted(name(), clause));
  }

  /** What messages call the file. */
  String name();

  /** The file, or the folder. */
  Path path();

  /** The same file at another path. */
  Opening at(Path other);

  /** Bytes of the weights that are read, as the files have them. */
  default long weightsBytes() throws IOException {
    return 0;
  }

  /** Bytes that are made of it, at most. */
  default long madeBytes() {
    return 0;
  }

  /** Bytes of address space beside Java's own. */
  default long mappedBytes() throws IOException {
    return 0;
  }

  /** Shows what an opener elsewhere needs: each file by its name below the folder of the path. */
  default void forEachFile(FileVisitor visitor) throws IOException {
    Path path = path().toAbsolutePath();
    List<Path> files;
    try (Stream<Path> found = Files.walk(path)) {
      files = found.filter(Files::isRegularFile).toList();
    }
    for (Path file : files) {
      try (InputStream in = Files.newInputStream(file)) {
        visitor.visit(path.getParent().relativize(file).toString(), Files.size(file), in);
      }
    }
  }

  /** Shows {@code files} of {@code folder}, by their names there. */
  private static void forEach(Path folder, List<String> files, FileVisitor visitor)
      throws IOException {
    for (String file : files) {
      Path place = folder.resolve(file);
      try (InputStream in = Files.newInputStream(place)) {
        visitor.visit(folder.toAbsolutePath().getFileName() + "/" + file, Files.size(place), in);
      }
    }
  }

  /** Bytes of those of {@code files} that are weights. */
  private static long weightsBytes(Path folder, List<String> files) throws IOException {
    long bytes = 0;
    for (String file : files) {
      bytes += file.endsWith(".safetensors") ? Files.size(folder.resolve(file)) : 0;
    }
    return bytes;
  }

  /** A feature extractor; see {@link FeatureExtractor#open}. */
  record Extractor(
      Path path, String name, String sha256, Optional<Integer> resizeTo, int resolution)
      implements Opening {
    @Override
    public void open(Path work, PreparationListener listener) {
      FeatureExtractor.open(path, name, sha256, resizeTo, resolution, "cpu").close();
    }

    @Override
    public Opening at(Path other) {
      return new Extractor(other, name, sha256, resizeTo, resolution);
    }

    @Override
    public RuntimeException refusal(String sentence) {
      return new ExtractorException(sentence);
    }
  }

  /** Reference statistics; see {@link ReferenceStatistics#read}. */
  record Statistics(Path path) implements Opening {
    @Override
    public void open(Path work, PreparationListener listener) {
      try (LinearAlgebra algebra = new LinearAlgebra()) {
        ReferenceStatistics.read(path).requireCovariance(name(), algebra);
      }
    }

    @Override
    public Opening at(Path other) {
      return new Statistics(other);
    }

    @Override
    public RuntimeException refusal(String sentence) {
      return new EvaluationException(sentence);
    }

    @Override
    public String name() {
      return path.getFileName().toString();
    }
  }

  /**
   * A CLIP model; see {@link ClipModelCheck#check}.
   *
   * @param files of the folder that are read
   */
  record Clip(Path path, String name, List<String> files) implements Opening {

    public Clip {
      files = List.copyOf(files);
    }

    @Override
    public void open(Path work, PreparationListener listener) throws IOException {
      ClipModelCheck.check(path, name, work);
    }

    @Override
    public void forEachFile(FileVisitor visitor) throws IOException {
      Opening.forEach(path, files, visitor);
    }

    @Override
    public long weightsBytes() throws IOException {
      return Opening.weightsBytes(path, files);
    }

    @Override
    public Opening at(Path other) {
      return new Clip(other, name, files);
    }

    @Override
    public RuntimeException refusal(String sentence) {
      return new ExtractorException(sentence);
    }
  }

  /** A teacher; see {@link PipelineImport#read}. */
  record Teacher(Path path, String name, TeacherImport.Expected expected) implements Opening {
    @Override
    public void open(Path work, PreparationListener listener) throws IOException {
      PipelineImport.read(path, name, expected, "cpu", work, Tried.NOW);
      if (Files.isDirectory(path)) { // the parts beside the network too
        List<String> files = DiffusersFiles.of(path, expected.variant());
        var unused = DiffusersFiles.dtypes(path, files, name);
      }
    }

    /** Of a folder what diffusers would take, where that can be told, else everything. */
    @Override
    public void forEachFile(FileVisitor visitor) throws IOException {
      List<String> chosen = taken();
      if (chosen.isEmpty()) {
        Opening.super.forEachFile(visitor);
        return;
      }
      Opening.forEach(path, chosen, visitor);
    }

    @Override
    public long weightsBytes() throws IOException {
      return (Files.isRegularFile(path) ? Files.size(path) : 0)
          + Opening.weightsBytes(path, taken());
    }

    private List<String> taken() throws IOException {
      try {
        return Files.isDirectory(path) ? DiffusersFiles.of(path, expected.variant()) : List.of();
      } catch (IllegalArgumentException e) {
        return List.of(); // whoever opens the folder says so
      }
    }

    @Override
    public Opening at(Path other) {
      return new Teacher(other, name, expected);
    }

    @Override
    public RuntimeException refusal(String sentence) {
      return TeacherException.of(sentence);
    }
  }

  /**
   * What a pipeline has beside its network; see {@link Parts#read}.
   *
   * @param network that it is for, as experiments see it
   * @param variant of the weights
   */
  record PipelineParts(Path path, String name, NetworkSpec network, Optional<String> variant)
      implements Opening {
    @Override
    public void open(Path work, PreparationListener listener) throws IOException {
      try {
        Parts.read(path, network, variant).probe("cpu", work);
      } catch (IllegalArgumentException e) {
        throw new TeacherException(name, e.getMessage().replaceFirst("\\.$", ""), e);
      }
    }

    @Override
    public void forEachFile(FileVisitor visitor) throws IOException {
      Opening.forEach(path, files(), visitor);
    }

    private List<String> files() throws IOException {
      return Parts.filesOf(DiffusersFiles.of(path, variant).stream());
    }

    @Override
    public long weightsBytes() throws IOException {
      return Opening.weightsBytes(path, files());
    }

    @Override
    public Opening at(Path other) {
      return new PipelineParts(other, name, network, variant);
    }

    @Override
    public RuntimeException refusal(String sentence) {
      return TeacherException.of(sentence);
    }
  }

  /**
   * The images of a dataset, of which packed shards and a manifest are made; see {@link
   * DatasetPreparation#decode}.
   *
   * @param path an archive, a directory or another file
   * @param policy where links of a directory may lead
   * @param limits of an archive
   * @param captions the file with captions; empty: they lie beside the images, if any are read
   * @param extent whether others are joined to it
   */
  record Dataset(
      Path path,
      DatasetSpec spec,
      SourcePolicy policy,
      ArchiveLimits limits,
      @JsonInclude(JsonInclude.Include.NON_ABSENT) Optional<Path> captions,
      Extent extent)
      implements Opening {

    private static final String CAPTIONS = ".captions"; // their folder at an opener elsewhere

    /** Of images whose captions lie beside them, if they have any. */
    public Dataset(Path path, DatasetSpec spec, SourcePolicy policy, ArchiveLimits limits) {
      this(path, spec, policy, limits, Optional.empty(), Extent.WHOLE);
    }

    public Dataset {
      captions = captions == null ? Optional.empty() : captions;
      extent = extent == null ? Extent.WHOLE : extent;
    }

    private static final long BESIDES_BYTES = 1L << 30; // manifest, labels, temporary files

    @Override
    public void open(Path work, PreparationListener listener) {
      var unused =
          preparation(work, listener).decode(path, captions, spec, work.resolve(MADE), extent);
    }

    /** Of what lies here: it fetches nothing. */
    private DatasetPreparation preparation(Path work, PreparationListener listener) {
      return new DatasetPreparation(
          work,
          object -> {
            throw new IOException("it is not here");
          },
          listener,
          new SourceGuard(policy, limits));
    }

    @Override
    public void forEachFile(FileVisitor visitor) throws IOException {
      for (Path file : captions.stream().toList()) {
        try (InputStream in = Files.newInputStream(file)) {
          visitor.visit(CAPTIONS + "/" + file.getFileName(), Files.size(file), in);
        }
      }
      if (!Files.isDirectory(path)) {
        for (Path file : DatasetPreparation.shards(path)) {
          try (InputStream in = Files.newInputStream(file)) {
            visitor.visit(file.getFileName().toString(), Files.size(file), in);
          }
        }
        return;
      }
      Path folder = path.toAbsolutePath().getFileName();
      preparation(path, sentence -> {})
          .forEachFile(
              path,
              spec,
              (name, bytes, content) -> visitor.visit(folder + "/" + name, bytes, content));
    }

    @Override
    public long mappedBytes() throws IOException {
      return DatasetPreparation.mappedBytes(path, captions);
    }

    @Override
    public long madeBytes() {
      long image = (long) spec.channels() * spec.resolution() * spec.resolution();
      return spec.maxImages() * image + BESIDES_BYTES;
    }

    @Override
    public Opening at(Path other) {
      return new Dataset(
          other,
          spec,
          policy,
          limits,
          captions.map(file -> other.resolveSibling(CAPTIONS).resolve(file.getFileName())),
          extent);
    }

    @Override
    public RuntimeException refusal(String sentence) {
      return new DatasetException(DatasetException.Kind.CORRUPT, sentence);
    }

    @Override
    public RuntimeException failure(String clause) {
      return refusal("Cannot use the dataset source '%s': %s.".formatted(name(), clause));
    }

    @Override
    public String name() {
      return DatasetPreparation.shown(spec.source());
    }
  }
}
