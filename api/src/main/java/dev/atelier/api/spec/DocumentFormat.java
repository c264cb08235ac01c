package dev.atelier.api.spec;

/** The languages that a document may be written in. */
public enum DocumentFormat {
  JSON,
  YAML;

  /** The language that a media type such as {@code application/yaml} names. */
  public static DocumentFormat ofMediaSubtype(String subtype) {
    return subtype.contains("yaml") ? YAML : JSON;
  }
}
