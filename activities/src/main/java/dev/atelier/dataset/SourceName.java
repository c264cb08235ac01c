package dev.atelier.dataset;

import dev.atelier.spec.ShapesSource;
import dev.atelier.spec.SourceLocation;
import dev.atelier.spec.SourceSecrets;
import java.net.URI;

/** What {@code DatasetSpec.source} names. */
sealed interface SourceName {

  /** Drawn images. */
  record Shapes(ShapesSource scenes) implements SourceName {}

  /** {@code cifar10}: the published binary files. */
  record Cifar10() implements SourceName {}

  /** A path or URI. */
  record Files(SourceLocation location) implements SourceName {}

  static SourceName parse(String source) {
    if (source.equals("cifar10")) {
      return new Cifar10();
    }
    try {
      return ShapesSource.isNamed(source)
          ? new Shapes(ShapesSource.parse(source))
          : new Files(SourceLocation.parse(source));
    } catch (SourceLocation.MalformedSourceException e) {
      throw new DatasetException(
          DatasetException.Kind.CORRUPT,
          "Cannot read the source '%s': it %s".formatted(shown(source), e.getMessage()));
    }
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
