package dev.atelier.api.study;

import java.net.URI;
import java.util.Optional;
import org.eclipse.microprofile.openapi.annotations.media.Schema;

/** Where to go from a study. */
public record StudyLinks(
    URI self,
    @Schema(
            description = "Page of the workflow in the Temporal Web UI, if there is one",
            implementation = String.class,
            format = "uri")
        Optional<URI> temporal) {

  static StudyLinks of(String studyId, Optional<URI> temporal) {
    return new StudyLinks(URI.create(pathOf(studyId)), temporal);
  }

  static String pathOf(String studyId) {
    return "/api/v1/studies/" + studyId;
  }
}
