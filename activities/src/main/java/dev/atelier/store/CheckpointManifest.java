package dev.atelier.store;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.datatype.jdk8.Jdk8Module;
import dev.atelier.store.objects.ObjectCorruptException;
import dev.atelier.store.objects.ObjectStore;
import dev.atelier.store.objects.Sha256;
import dev.atelier.workflows.ModelOrigin;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;

/**
 * What a checkpoint consists of. It is written after its objects, so its existence says that they
 * are whole.
 *
 * @param step steps done
 * @param specHash of what was trained
 * @param codeVersion of the program that trained it
 * @param environment where it was trained; absent in manifests of version 0.1.0
 * @param objects its files
 * @param origin what an imported model was made of; absent: it was trained here, or imported by a
 *     version that did not keep it
 */
public record CheckpointManifest(
    int step,
    String specHash,
    String codeVersion,
    Optional<TrainingEnvironment> environment,
    List<StoredFile> objects,
    @JsonInclude(JsonInclude.Include.NON_ABSENT) Optional<ModelOrigin> origin) {

  private static final ObjectMapper JSON = new ObjectMapper().registerModule(new Jdk8Module());

  /** One file of a checkpoint. */
  public record StoredFile(String name, String key, String sha256, long bytes) {}

  public CheckpointManifest {
    environment = environment == null ? Optional.empty() : environment; // as Jackson leaves it
    objects = List.copyOf(objects);
    origin = origin == null ? Optional.empty() : origin;
  }

  /** Of a model that was trained here. */
  public CheckpointManifest(
      int step,
      String specHash,
      String codeVersion,
      Optional<TrainingEnvironment> environment,
      List<StoredFile> objects) {
    this(step, specHash, codeVersion, environment, objects, Optional.empty());
  }

  /**
   * Reads a manifest.
   *
   * @throws ObjectCorruptException if it is missing or is not what was written
   */
  public static CheckpointManifest read(ObjectStore store, String key, String sha256) {
    byte[] content =
        store
            .get(key)
            .orElseThrow(
                () ->
                    new ObjectCorruptException(
                        "Cannot load checkpoint '%s': its manifest does not exist."
                            .formatted(key)));
    String found = Sha256.of(content);
    if (!found.equals(sha256)) {
      throw new ObjectCorruptException(
          "Cannot load checkpoint '%s': expected sha256 %s, found %s."
              .formatted(key, sha256, found));
    }
    try {
      return JSON.readValue(content, CheckpointManifest.class);
    } catch (IOException e) {
      throw new ObjectCorruptException(
          "Cannot load checkpoint '%s': %s".formatted(key, e.getMessage()));
    }
  }

  public byte[] toJson() {
    try {
      return JSON.writerWithDefaultPrettyPrinter()
          .writeValueAsString(this)
          .getBytes(StandardCharsets.UTF_8);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("Cannot write %s as JSON.".formatted(this), e);
    }
  }

  /**
   * The file called {@code name}.
   *
   * @throws ObjectCorruptException if the manifest does not list it
   */
  public StoredFile file(String name) {
    return objects.stream()
        .filter(o -> o.name().equals(name))
        .findFirst()
        .orElseThrow(
            () ->
                new ObjectCorruptException(
                    "The checkpoint of step %d has no '%s'; it has %s."
                        .formatted(step, name, objects.stream().map(StoredFile::name).toList())));
  }

  long bytes() {
    return objects.stream().mapToLong(StoredFile::bytes).sum();
  }
}
