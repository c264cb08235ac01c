package dev.atelier.api.study;

/** The answer to a request that goes on after it. */
public record StudyAccepted(String id, int experiments, StudyLinks links) {}
