package dev.atelier.intake;

import dev.atelier.artifacts.ArtifactCache;
import dev.atelier.artifacts.StoredDatasets;
import dev.atelier.artifacts.StoredEncodings;
import dev.atelier.dataset.PackedImages;
import dev.atelier.encoding.DatasetEncoding;
import dev.atelier.encoding.DatasetEncoding.EncodedTexts;
import dev.atelier.intake.TeacherFiles.Fetched;
import dev.atelier.network.files.DiffusersFiles;
import dev.atelier.network.files.TeacherException;
import dev.atelier.opening.Opening;
import dev.atelier.pipeline.Parts;
import dev.atelier.pipeline.RandomClip;
import dev.atelier.spec.TeacherSpec;
import dev.atelier.store.CheckpointManifest;
import dev.atelier.store.CheckpointManifest.StoredFile;
import dev.atelier.store.EventHistory;
import dev.atelier.store.objects.ObjectStore;
import dev.atelier.store.objects.Sha256;
import dev.atelier.training.Device;
import dev.atelier.version.CodeVersion;
import dev.atelier.work.Scope;
import dev.atelier.workflows.EncodedRef;
import dev.atelier.workflows.EncodingActivities.EncodeDataset;
import dev.atelier.workflows.ModelRef;
import dev.atelier.workflows.ObjectRef;
import dev.atelier.workflows.PartsRef;
import dev.atelier.workflows.vocabulary.EventKind;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Stream;

/** Encodes a dataset for networks that work on latents or read texts. */
public record DatasetEncoder(
    ObjectStore store,
    ArtifactCache cache,
    Device device,
    StoredDatasets datasets,
    StoredEncodings encodings,
    TeacherFiles teachers,
    EventHistory events) {

  /**
   * Makes latents and texts that are not in the store yet.
   *
   * @throws TeacherException if the parts cannot be used
   */
  public EncodedRef encode(EncodeDataset task, Scope scope) throws IOException {
    device.use();
    PartsRef kept = parts(task, scope);
    Path folder = encodings.partsFolder(kept, scope.path());
    Parts parts;
    try {
      parts = Parts.read(folder, task.network(), Optional.empty());
    } catch (IllegalArgumentException e) {
      throw new TeacherException(shown(task), e.getMessage().replaceFirst("\\.$", ""), e);
    }
    PackedImages images = datasets.open(task.dataset().seenAs(Optional.empty()));
    DatasetEncoding encoding =
        new DatasetEncoding(encodings.of(task.dataset().sha256()), device.name(), scope);
    Optional<ObjectRef> latents = Optional.empty();
    if (parts.autoencoder().isPresent()) {
      latents =
          Optional.of(
              encoding.latents(
                  images,
                  parts.autoencoder().get(),
                  task.mirrored(),
                  inputs(kept, String.valueOf(task.mirrored()))));
    }
    Optional<ObjectRef> texts = Optional.empty();
    if (parts.texts().isPresent()) {
      EncodedTexts made =
          encoding.texts(
              images.count(), images::captions, parts.texts().get(), inputs(kept, "texts"));
      sayWhatWasCut(task.experimentId(), made);
      texts = Optional.of(made.files());
    }
    return new EncodedRef(kept, latents, texts);
  }

  /** All that determines shards, beside the dataset below which they lie. */
  private static String inputs(PartsRef parts, String how) {
    String all = String.join("\n", parts.sha256(), how, CodeVersion.ENCODING.current());
    return Sha256.of(all.getBytes(StandardCharsets.UTF_8)).substring(0, 32);
  }

  private void sayWhatWasCut(String experimentId, EncodedTexts made) {
    if (made.truncated() > 0) {
      events.record(
          experimentId,
          EventKind.CAPTIONS_CUT,
          "%d of %d different captions are longer than the text encoder reads, and were cut."
              .formatted(made.truncated(), made.texts() - 1));
    }
  }

  private static String shown(EncodeDataset task) {
    return task.partsFrom().map(TeacherFiles::shown).orElse("the teacher's pipeline");
  }

  private PartsRef parts(EncodeDataset task, Scope scope) throws IOException {
    if (task.teacher().isPresent()) {
      return encodings.keepParts(task.experimentId(), partsOf(task.teacher().get()));
    }
    String source = task.partsFrom().orElseThrow();
    Map<String, Path> files = new TreeMap<>();
    if (source.equals(TeacherSpec.RANDOM_CLIP)) {
      Path folder = Files.createDirectories(scope.path().resolve(TeacherSpec.RANDOM_CLIP));
      RandomClip.write(folder);
      try (Stream<Path> written = Files.walk(folder)) {
        written
            .filter(Files::isRegularFile)
            .forEach(file -> files.put(folder.relativize(file).toString(), file));
      }
    } else {
      scope.describe("fetching " + TeacherFiles.shown(source));
      Fetched fetched =
          teachers.fetch(source, task.variant(), new SourceNotices(events, task.experimentId()));
      requireFolder(source, fetched.path());
      open(task, source, fetched.path(), scope);
      for (String name :
          Parts.filesOf(DiffusersFiles.of(fetched.path(), task.variant()).stream())) {
        files.put(name, fetched.path().resolve(name));
      }
    }
    return encodings.keepParts(task.experimentId(), files);
  }

  private static void requireFolder(String source, Path path) {
    if (!Files.isDirectory(path)) {
      throw new TeacherException(
          TeacherFiles.shown(source), "expected the folder of a pipeline, found a file");
    }
  }

  private void open(EncodeDataset task, String source, Path folder, Scope scope)
      throws IOException {
    try {
      cache
          .opener()
          .open(
              new Opening.PipelineParts(
                  folder, TeacherFiles.shown(source), task.network(), task.variant()),
              scope.path(),
              scope::stopIfAsked);
    } catch (TeacherException e) {
      throw teachers.unusable(source, e);
    }
  }

  private List<StoredFile> partsOf(ModelRef teacher) {
    return CheckpointManifest.read(store, teacher.manifestKey(), teacher.manifestSha256())
        .objects()
        .stream()
        .filter(file -> Parts.hasFile(file.name()))
        .toList();
  }
}
