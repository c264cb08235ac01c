package dev.atelier.dataset;

import dev.atelier.workflows.PassedOver;
import dev.atelier.workflows.PassedOver.Reason;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;

/** Counts files that are not used, by reason, and keeps the first names of each in name order. */
final class PassedOverFiles {

  private static final int MAX_NAME = 200; // of a name in an example

  private static final class Tally {
    private final TreeSet<String> names = new TreeSet<>();
    private int files;
  }

  private final Map<Reason, Tally> tallies = new EnumMap<>(Reason.class);

  void add(Reason reason, String name) {
    String shown = EntryName.shown(name);
    add(
        reason,
        1,
        List.of(shown.length() <= MAX_NAME ? shown : shown.substring(0, MAX_NAME) + "…"));
  }

  /** Adds those of a part of the source. */
  void add(PassedOver files) {
    add(files.reason(), files.files(), files.examples());
  }

  private synchronized void add(Reason reason, int files, List<String> names) {
    Tally tally = tallies.computeIfAbsent(reason, r -> new Tally());
    tally.files += files;
    tally.names.addAll(names);
    while (tally.names.size() > PassedOver.MOST_EXAMPLES) {
      tally.names.pollLast();
    }
  }

  /** By reason, in the order of the reasons. */
  synchronized List<PassedOver> all() {
    List<PassedOver> all = new ArrayList<>();
    tallies.forEach(
        (reason, tally) -> all.add(new PassedOver(reason, tally.files, List.copyOf(tally.names))));
    return all;
  }

  /** Those of {@link #all} that are lost images. */
  List<PassedOver> lost() {
    return all().stream().filter(files -> files.reason().losesImages()).toList();
  }

  int lostCount() {
    return lost().stream().mapToInt(PassedOver::files).sum();
  }
}
