package dev.atelier.api.experiment;

import java.net.URI;
import java.util.Optional;
import org.eclipse.microprofile.openapi.annotations.media.Schema;

/** Where to go from an experiment. */
public record Links(
    URI self,
    URI events,
    @Schema(
            description = "Page of the workflow in the Temporal Web UI, if there is one",
            implementation = String.class,
            format = "uri")
        Optional<URI> temporal) {

  /** The path of all experiments. */
  public static final String EXPERIMENTS = "/api/v1/experiments";

  /** The links of an experiment. */
  public static Links of(String experimentId, Optional<URI> temporal) {
    String self = pathOf(experimentId);
    return new Links(URI.create(self), URI.create(self + "/events"), temporal);
  }

  public static String pathOf(String experimentId) {
    return EXPERIMENTS + "/" + experimentId;
  }
}
