package dev.atelier.api.experiment.artifact;

import dev.atelier.api.experiment.Links;
import jakarta.enterprise.context.ApplicationScoped;
import java.net.URI;
import java.util.List;
import java.util.Optional;
import org.jdbi.v3.core.Jdbi;

/** Files of experiments in Postgres: what they are and where. */
@ApplicationScoped
public class ArtifactRepository {

  private final Jdbi jdbi;

  ArtifactRepository(Jdbi jdbi) {
    this.jdbi = jdbi;
  }

  public List<ArtifactView> artifacts(String id) {
    return jdbi.withHandle(
        handle ->
            handle
                .createQuery(
                    """
                    select name, kind, content_type, bytes, sha256
                    from artifact where experiment_id = :id order by kind, name
                    """)
                .bind("id", id)
                .map(
                    (row, context) ->
                        new ArtifactView(
                            row.getString("name"),
                            row.getString("kind"),
                            row.getString("content_type"),
                            row.getLong("bytes"),
                            row.getString("sha256"),
                            URI.create(Links.pathOf(id) + "/artifacts/" + row.getString("name"))))
                .list());
  }

  Optional<Artifact> artifact(String id, String name) {
    return jdbi.withHandle(
        handle ->
            handle
                .createQuery(
                    """
                    select name, kind, object_key, content_type, bytes, sha256
                    from artifact where experiment_id = :id and name = :name
                    """)
                .bind("id", id)
                .bind("name", name)
                .map(
                    (row, context) ->
                        new Artifact(
                            row.getString("name"),
                            row.getString("kind"),
                            row.getString("object_key"),
                            row.getString("content_type"),
                            row.getLong("bytes"),
                            row.getString("sha256")))
                .findOne());
  }
}
