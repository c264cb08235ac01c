package dev.atelier.api.spec;

import dev.atelier.api.problem.ProblemException;
import dev.atelier.api.problem.ProblemType;
import jakarta.ws.rs.core.MediaType;

/** The languages that a document may be written in. */
public enum DocumentFormat {
  JSON,
  YAML;

  /**
   * The language that a media type such as {@code application/yaml} names.
   *
   * @param type may be null
   * @throws ProblemException 415 without one: a page of another site can send such a body
   */
  public static DocumentFormat of(MediaType type) {
    if (type == null) {
      throw new ProblemException(
          ProblemType.UNSUPPORTED_MEDIA_TYPE,
          "The request has no Content-Type: expected application/json or application/yaml.");
    }
    return type.getSubtype().contains("yaml") ? YAML : JSON;
  }
}
