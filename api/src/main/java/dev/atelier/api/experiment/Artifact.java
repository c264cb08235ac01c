package dev.atelier.api.experiment;

/** Where the file of an artifact is and what it must be. */
public record Artifact(
    String name, String kind, String objectKey, String contentType, long bytes, String sha256) {}
