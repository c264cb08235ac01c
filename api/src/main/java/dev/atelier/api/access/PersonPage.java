package dev.atelier.api.access;

import java.util.List;

/** People, who signed in last first; at most 1000. */
public record PersonPage(List<Person> items) {}
