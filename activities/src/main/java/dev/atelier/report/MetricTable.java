package dev.atelier.report;

import dev.atelier.workflows.vocabulary.Metric;
import dev.atelier.workflows.vocabulary.Notation;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * The figures that a table shows beside the distance, a column for each: those that any of its rows
 * has, in the order of {@link Metric}; what a later version stored comes last, by its own name.
 */
record MetricTable(List<String> keys, List<String> columns) {

  /**
   * @param distanceNames what the rows' Fréchet distances are called
   * @param measured the keys of every row's figures
   */
  static MetricTable of(Collection<String> distanceNames, Collection<Set<String>> measured) {
    Set<String> all = new LinkedHashSet<>();
    measured.forEach(all::addAll);
    all.remove(Metric.FRECHET_DISTANCE.key()); // shown as the distance, by the name that it has
    String distance =
        distanceNames.stream().distinct().count() == 1 ? distanceNames.iterator().next() : "";
    Map<String, String> columns = new LinkedHashMap<>();
    Arrays.stream(Metric.values())
        .filter(metric -> all.contains(metric.key()))
        .forEach(metric -> columns.put(metric.key(), metric.label(distance)));
    all.forEach(key -> columns.putIfAbsent(key, key));
    return new MetricTable(List.copyOf(columns.keySet()), List.copyOf(columns.values()));
  }

  boolean isEmpty() {
    return keys.isEmpty();
  }

  /** The columns of a row's own, then one for each figure. */
  List<String> columns(List<String> first) {
    List<String> all = new ArrayList<>(first);
    all.addAll(columns);
    return all;
  }

  /** The cells of a row's own, then its figures. */
  List<String> row(List<String> first, Map<String, String> figures) {
    List<String> cells = new ArrayList<>(first);
    keys.forEach(key -> cells.add(Optional.ofNullable(figures.get(key)).orElse(Notation.NONE)));
    return cells;
  }
}
