package dev.atelier.api.experiment;

/** The answer to a request that goes on after it. */
public record Accepted(String id, Links links) {}
