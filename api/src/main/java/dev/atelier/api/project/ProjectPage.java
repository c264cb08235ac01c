package dev.atelier.api.project;

import java.util.List;

/** Projects that the caller may see, by name. */
public record ProjectPage(List<ProjectView> items) {}
