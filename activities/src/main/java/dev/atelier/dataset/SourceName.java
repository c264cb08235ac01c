package dev.atelier.dataset;

import dev.atelier.spec.SourceLocation;
import dev.atelier.spec.SourceSecrets;
import java.net.URI;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What {@code DatasetSpec.source} names. */
sealed interface SourceName {

  /** {@code shapes[?count=N&seed=S]}. */
  record Shapes(int count, long seed) implements SourceName {}

  /** {@code cifar10}: the published binary files. */
  record Cifar10() implements SourceName {}

  /** A path or URI. */
  record Files(SourceLocation location) implements SourceName {}

  int DEFAULT_SHAPES = 4096;
  int MAX_SHAPES = 10_000_000;
  Pattern SHAPES_PARAMETER = Pattern.compile("(count|seed)=(-?\\d{1,18})");

  static SourceName parse(String source) {
    if (source.equals("shapes") || source.startsWith("shapes?")) {
      return shapes(source);
    }
    if (source.equals("cifar10")) {
      return new Cifar10();
    }
    try {
      return new Files(SourceLocation.parse(source));
    } catch (SourceLocation.MalformedSourceException e) {
      throw new DatasetException(
          DatasetException.Kind.CORRUPT,
          "Cannot read the source '%s': it %s".formatted(shown(source), e.getMessage()));
    }
  }

  private static SourceName shapes(String source) {
    int count = DEFAULT_SHAPES;
    long seed = 0;
    String parameters = source.substring(Math.min(source.length(), "shapes?".length()));
    if (!parameters.isEmpty()) {
      for (String parameter : parameters.split("&", -1)) {
        Matcher matcher = SHAPES_PARAMETER.matcher(parameter);
        if (!matcher.matches()) {
          throw invalid(source, "expected shapes?count=N&seed=S, found '%s'".formatted(parameter));
        }
        long value = Long.parseLong(matcher.group(2));
        if (matcher.group(1).equals("seed")) {
          seed = value;
        } else if (value < 1 || value > MAX_SHAPES) {
          throw invalid(
              source, "expected a count from 1 to %d, found %d".formatted(MAX_SHAPES, value));
        } else {
          count = (int) value;
        }
      }
    }
    return new Shapes(count, seed);
  }

  private static DatasetException invalid(String source, String reason) {
    return new DatasetException(
        DatasetException.Kind.CORRUPT,
        "Cannot read the dataset source '%s': %s.".formatted(source, reason));
  }

  /** The source as it may be shown and kept: without user, password and query, signed or not. */
  static String shown(String source) {
    String shown = SourceSecrets.redacted(source);
    return shown.matches("(?si)(https?|s3|hf):.*") ? shown.replaceFirst("(?s)[?#].*", "") : shown;
  }

  static String shown(URI uri) {
    return shown(uri.toString());
  }
}
