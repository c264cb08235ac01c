package dev.atelier.store;

import dev.atelier.workflows.vocabulary.ArtifactKind;
import java.util.List;
import java.util.Optional;
import javax.sql.DataSource;

/** Files of experiments. Methods are as those of {@link ExperimentHistory}. */
public final class ArtifactHistory {

  private final Database database;

  public ArtifactHistory(DataSource dataSource) {
    this.database = new Database(dataSource);
  }

  /** A file that users can download. */
  public record Artifact(
      String name,
      ArtifactKind kind,
      String objectKey,
      String contentType,
      long bytes,
      String sha256) {

    /** Name of the sample grid of a subject. */
    public static String samplesOf(String subject) {
      return "samples-%s.png".formatted(subject);
    }

    /** Name of the file that says what the images of that grid were to show. */
    public static String promptsOf(String subject) {
      return "prompts-%s.json".formatted(subject);
    }

    /** Name of a file of the trajectory of a subject. */
    public static String trajectoryOf(String subject, String extension) {
      return "trajectory-%s.%s".formatted(subject, extension);
    }

    /** Names of the pictures that are made of an evaluated subject. */
    static List<String> picturesOf(String subject) {
      return List.of(
          samplesOf(subject),
          promptsOf(subject),
          trajectoryOf(subject, "png"),
          trajectoryOf(subject, "json"));
    }
  }

  /** Keeps a file, in place of one of its name. */
  public void record(String experimentId, Artifact artifact) {
    database.inTransaction(
        handle ->
            handle
                .createUpdate(
                    """
                    insert into artifact
                        (experiment_id, name, kind, object_key, content_type, bytes, sha256)
                    values (:id, :name, :kind, :objectKey, :contentType, :bytes, :sha256)
                    on conflict (experiment_id, name) do update
                    set kind = excluded.kind, object_key = excluded.object_key,
                        content_type = excluded.content_type, bytes = excluded.bytes,
                        sha256 = excluded.sha256, created_at = now()
                    """)
                .bind("id", experimentId)
                .bindMethods(artifact)
                .bind("kind", artifact.kind().word())
                .execute());
  }

  /**
   * Where the object of a file is, if the experiment has it; another experiment may have made it.
   */
  public Optional<String> objectKey(String experimentId, String name) {
    return database.inTransaction(
        handle ->
            handle
                .createQuery(
                    "select object_key from artifact where experiment_id = :id and name = :name")
                .bind("id", experimentId)
                .bind("name", name)
                .mapTo(String.class)
                .findOne());
  }
}
