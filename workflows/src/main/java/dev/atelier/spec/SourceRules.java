package dev.atelier.spec;

import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;

/** The forms that the source of a dataset, a teacher or a feature extractor may take. */
final class SourceRules {

  private static final long MOST_SHAPES = 10_000_000;

  private SourceRules() {}

  /** What is wrong with the source of a dataset, as a sentence; empty: nothing. */
  static Optional<String> datasetFault(String source) {
    if (source.equals("cifar10")) {
      return Optional.empty();
    }
    if (source.startsWith("cifar10?")) {
      return Optional.of("cifar10 takes no parameters, found '%s'.".formatted(source));
    }
    if (isShapes(source)) {
      return shapesFault(source);
    }
    return locationFault(source);
  }

  /** What is wrong with the source of a teacher, as a sentence; empty: nothing. */
  static Optional<String> teacherFault(String source) {
    if (source.equals("cifar10") || isShapes(source)) {
      return Optional.of(
          "names a dataset, found '%s': expected the path or URI of a model (./%s for a file of that name)."
              .formatted(source, source));
    }
    return locationFault(source, true);
  }

  /** What is wrong with the path or URI of a file, as a sentence; empty: nothing. */
  static Optional<String> locationFault(String location) {
    return locationFault(location, false);
  }

  private static Optional<String> locationFault(String location, boolean isTeacher) {
    try {
      SourceLocation parsed = SourceLocation.parse(location);
      if (!isTeacher && parsed instanceof SourceLocation.StoredFolder) {
        return Optional.of(
            "names a prefix of the object store, which a teacher alone may: expected an object, as in s3://bucket/images.zip.");
      }
      if (!isTeacher && parsed instanceof SourceLocation.HubModel) {
        return Optional.of(
            "names a model of the Hub, which a teacher alone may: expected a path, or a file:, http(s): or s3: URI.");
      }
      return SourceSecrets.fault(location);
    } catch (SourceLocation.MalformedSourceException e) {
      return Optional.of(e.getMessage());
    }
  }

  /** The number of images that a shapes source names, if it does. */
  static OptionalLong shapesCount(String source) {
    if (!isShapes(source) || shapesFault(source).isPresent()) {
      return OptionalLong.empty();
    }
    String count = shapesParameters(source).get("count");
    return count == null ? OptionalLong.empty() : OptionalLong.of(Long.parseLong(count));
  }

  private static boolean isShapes(String source) {
    return source.equals("shapes") || source.startsWith("shapes?");
  }

  private static Optional<String> shapesFault(String source) {
    if (source.equals("shapes")) {
      return Optional.empty();
    }
    Map<String, String> seen = new HashMap<>();
    for (String pair : source.substring("shapes?".length()).split("&", -1)) {
      String[] parts = pair.split("=", 2);
      String name = parts[0];
      if (!name.equals("count") && !name.equals("seed")) {
        return Optional.of(
            "has the unknown parameter '%s': shapes takes count and seed.".formatted(name));
      }
      if (parts.length < 2 || wholeNumber(parts[1]).isEmpty()) {
        return Optional.of(
            "needs a whole number for %s, found '%s'."
                .formatted(name, parts.length < 2 ? "" : parts[1]));
      }
      if (seen.put(name, parts[1]) != null) {
        return Optional.of("names the parameter %s twice.".formatted(name));
      }
      long value = wholeNumber(parts[1]).getAsLong();
      if (name.equals("count") && (value < 1 || value > MOST_SHAPES)) {
        return Optional.of("needs a count from 1 to %d, found %d.".formatted(MOST_SHAPES, value));
      }
    }
    return Optional.empty();
  }

  private static Map<String, String> shapesParameters(String source) {
    Map<String, String> parameters = new HashMap<>();
    if (source.length() > "shapes?".length()) {
      for (String pair : source.substring("shapes?".length()).split("&", -1)) {
        String[] parts = pair.split("=", 2);
        parameters.put(parts[0], parts[1]);
      }
    }
    return parameters;
  }

  private static OptionalLong wholeNumber(String text) {
    try {
      return OptionalLong.of(Long.parseLong(text));
    } catch (NumberFormatException e) {
      return OptionalLong.empty();
    }
  }
}
