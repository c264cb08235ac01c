package dev.atelier.api.experiment;

import dev.atelier.api.problem.ProblemException;
import dev.atelier.api.problem.ProblemType;
import dev.atelier.spec.SpecFault;
import dev.atelier.workflows.Stage;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.TreeMap;

/** Reads the query parameters of lists and reports all that are wrong together. */
final class ListParameters {

  private final List<SpecFault> faults = new ArrayList<>();

  int limit(String text, int standard, int most) {
    if (text == null) {
      return standard;
    }
    OptionalLong value = wholeNumber(text);
    if (value.isEmpty() || value.getAsLong() < 1 || value.getAsLong() > most) {
      fault("limit", "must be a whole number from 1 to %d, found '%s'.".formatted(most, text));
      return standard;
    }
    return (int) value.getAsLong();
  }

  Optional<Cursor> cursor(String text) {
    if (text == null) {
      return Optional.empty();
    }
    Optional<Cursor> cursor = Cursor.decode(text);
    if (cursor.isEmpty()) {
      fault("cursor", "must be the nextCursor of an earlier page.");
    }
    return cursor;
  }

  long eventCursor(String text) {
    if (text == null) {
      return 0;
    }
    OptionalLong value = wholeNumber(text);
    if (value.isEmpty() || value.getAsLong() < 0) {
      fault("cursor", "must be the nextCursor of an earlier page.");
    }
    return value.orElse(0);
  }

  Optional<Stage> stage(String text) {
    if (text == null) {
      return Optional.empty();
    }
    Optional<Stage> stage =
        Arrays.stream(Stage.values())
            .filter(s -> s.name().equals(text.toUpperCase(Locale.ROOT)))
            .findFirst();
    if (stage.isEmpty()) {
      fault(
          "stage",
          "must be one of %s, found '%s'.".formatted(Arrays.toString(Stage.values()), text));
    }
    return stage;
  }

  Optional<String> text(String field, String text) {
    if (text != null && text.indexOf('\0') >= 0) {
      fault(field, "must not contain the character NUL.");
      return Optional.empty();
    }
    return Optional.ofNullable(text).filter(t -> !t.isEmpty());
  }

  Map<String, String> labels(List<String> pairs) {
    Map<String, String> labels = new TreeMap<>();
    for (String pair : pairs) {
      int colon = pair.indexOf(':');
      if (colon < 1 || pair.indexOf('\0') >= 0) {
        fault("label", "must be key:value, found '%s'.".formatted(pair));
      } else {
        labels.put(pair.substring(0, colon), pair.substring(colon + 1));
      }
    }
    return labels;
  }

  /** Throws the problem that names every parameter that was wrong, if any was. */
  void check() {
    if (!faults.isEmpty()) {
      SpecFault first = faults.get(0);
      throw new ProblemException(
          ProblemType.INVALID_PARAMETER, "%s %s".formatted(first.field(), first.message()), faults);
    }
  }

  private void fault(String field, String message) {
    faults.add(new SpecFault(field, message));
  }

  private static OptionalLong wholeNumber(String text) {
    try {
      return OptionalLong.of(Long.parseLong(text));
    } catch (NumberFormatException e) {
      return OptionalLong.empty();
    }
  }
}
