package dev.atelier.api.experiment.artifact;

import dev.atelier.api.experiment.ExperimentRepository;
import dev.atelier.api.problem.ProblemException;
import dev.atelier.api.problem.ProblemType;
import dev.atelier.api.store.StoreLinks;
import dev.atelier.store.objects.ObjectStore;
import jakarta.enterprise.context.ApplicationScoped;
import java.io.InputStream;
import java.util.Optional;

/** Finds the files of experiments and opens them. */
@ApplicationScoped
class ArtifactService {

  private final ExperimentRepository experiments;
  private final ArtifactRepository repository;
  private final ObjectStore store;
  private final StoreLinks links;

  ArtifactService(
      ExperimentRepository experiments,
      ArtifactRepository repository,
      ObjectStore store,
      StoreLinks links) {
    this.experiments = experiments;
    this.repository = repository;
    this.store = store;
    this.links = links;
  }

  ArtifactList list(String id) {
    return new ArtifactList(repository.artifacts(experiments.existing(id).id()));
  }

  /**
   * A file that a request names.
   *
   * @throws ProblemException 404 if there is none
   */
  Artifact existing(String id, String name) {
    experiments.existing(id);
    return Optional.of(name)
        .filter(text -> text.indexOf('\0') < 0) // Postgres has no such text, and looks for none
        .flatMap(n -> repository.artifact(id, n))
        .orElseThrow(
            () ->
                new ProblemException(
                    ProblemType.ARTIFACT_NOT_FOUND,
                    "Experiment %s has no artifact '%s'.".formatted(id, name)));
  }

  /** Where anyone can get the file for a while. */
  ArtifactLink link(String id, String name) {
    Artifact artifact = existing(id, name);
    ObjectStore.Link link = links.link(artifact.objectKey());
    return new ArtifactLink(
        artifact.name(), artifact.bytes(), artifact.sha256(), link.href(), link.expiresAt());
  }

  InputStream open(Artifact artifact) {
    return store
        .open(artifact.objectKey())
        .orElseThrow(
            () ->
                new ProblemException(
                    ProblemType.ARTIFACT_NOT_FOUND,
                    "The file of artifact '%s' is no longer in the store."
                        .formatted(artifact.name())));
  }
}
