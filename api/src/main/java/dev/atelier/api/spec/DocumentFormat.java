package dev.atelier.api.spec;

import jakarta.ws.rs.core.MediaType;

/** The languages that a document may be written in. */
public enum DocumentFormat {
  JSON,
  YAML;

  /** The language that a media type such as {@code application/yaml} names; JSON without one. */
  public static DocumentFormat of(MediaType type) {
    return type != null && type.getSubtype().contains("yaml") ? YAML : JSON;
  }
}
