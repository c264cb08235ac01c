package dev.atelier.dataset;

import java.util.List;
import java.util.TreeSet;

/** Counts the images that could not be decoded and keeps the first names, in name order. */
final class SkippedImages {

  private static final int KEPT_NAMES = 100;

  private final TreeSet<String> names = new TreeSet<>();
  private int count;

  synchronized void add(String name) {
    count++;
    names.add(name);
    if (names.size() > KEPT_NAMES) {
      names.pollLast();
    }
  }

  synchronized int count() {
    return count;
  }

  synchronized List<String> firstNames() {
    return List.copyOf(names);
  }
}
