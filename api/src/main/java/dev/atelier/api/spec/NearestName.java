package dev.atelier.api.spec;

import java.util.Collection;
import java.util.Comparator;
import java.util.Locale;
import java.util.Optional;

/** Finds the name that a user who made a slip may have meant. */
public final class NearestName {

  private NearestName() {}

  /** The known name nearest to {@code name}, if it is near enough to be worth a hint. */
  public static Optional<String> to(String name, Collection<String> known) {
    int most = name.length() < 4 ? 1 : Math.max(2, name.length() / 4);
    return name.length() > 60
        ? Optional.empty()
        : known.stream()
            .filter(candidate -> distance(name, candidate) <= most)
            .min(Comparator.comparingInt(candidate -> distance(name, candidate)));
  }

  /** Levenshtein distance, letter case and the marks - and _ aside. */
  private static int distance(String left, String right) {
    String a = plain(left);
    String b = plain(right);
    int[] row = new int[b.length() + 1];
    for (int j = 0; j <= b.length(); j++) {
      row[j] = j;
    }
    for (int i = 1; i <= a.length(); i++) {
      int diagonal = row[0];
      row[0] = i;
      for (int j = 1; j <= b.length(); j++) {
        int substituted = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
        diagonal = row[j];
        row[j] = Math.min(substituted, 1 + Math.min(row[j], row[j - 1]));
      }
    }
    return row[b.length()];
  }

  private static String plain(String name) {
    return name.toLowerCase(Locale.ROOT).replaceAll("[-_]", "");
  }
}
