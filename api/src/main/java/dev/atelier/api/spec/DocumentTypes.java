package dev.atelier.api.spec;

import jakarta.ws.rs.core.MediaType;

/** The media types that a document may come as; {@link DocumentFormat} says which is which. */
public final class DocumentTypes {

  public static final String JSON = MediaType.APPLICATION_JSON;
  public static final String YAML = "application/yaml";
  public static final String X_YAML = "application/x-yaml";
  public static final String TEXT_YAML = "text/yaml";
  public static final String TEXT_X_YAML = "text/x-yaml";

  private DocumentTypes() {}
}
