package dev.atelier.dataset;

import java.net.URI;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What {@code DatasetSpec.source} names. */
sealed interface SourceName {

  /** {@code shapes[?count=N&seed=S]}. */
  record Shapes(int count, long seed) implements SourceName {}

  /** {@code cifar10}: the published binary files. */
  record Cifar10() implements SourceName {}

  /** A path or {@code file:} URI. */
  record Local(Path path) implements SourceName {}

  /** An {@code http:} or {@code https:} URL. */
  record Web(URI uri) implements SourceName {}

  /** An {@code s3:} URI. */
  record S3Object(URI uri) implements SourceName {}

  int DEFAULT_SHAPES = 4096;
  int MAX_SHAPES = 10_000_000;
  Pattern SHAPES_PARAMETER = Pattern.compile("(count|seed)=(-?\\d{1,18})");
  Pattern SCHEME = Pattern.compile("([A-Za-z][A-Za-z0-9+.-]+):.*", Pattern.DOTALL);

  static SourceName parse(String source) {
    if (source.equals("shapes") || source.startsWith("shapes?")) {
      return shapes(source);
    }
    if (source.equals("cifar10")) {
      return new Cifar10();
    }
    Matcher scheme = SCHEME.matcher(source);
    try {
      if (!scheme.matches()) {
        return new Local(Path.of(source));
      }
      URI uri = URI.create(source);
      return switch (scheme.group(1).toLowerCase(java.util.Locale.ROOT)) {
        case "file" -> new Local(Path.of(uri));
        case "http", "https" -> new Web(uri);
        case "s3" -> new S3Object(uri);
        default ->
            throw invalid(
                withoutSecrets(uri),
                "expected shapes, cifar10, a path, or a file:, http:, https: or s3: URI");
      };
    } catch (InvalidPathException e) {
      throw invalid(source, "it is not a path");
    } catch (IllegalArgumentException e) {
      throw invalid(scheme.group(1) + ":…", "it is not a valid URI");
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

  /** The source as it may be shown and kept: without user, password and (signed) query. */
  static String shown(String source) {
    SourceName name = parse(source);
    if (name instanceof Web web) {
      return withoutSecrets(web.uri());
    }
    return name instanceof S3Object object ? withoutSecrets(object.uri()) : source;
  }

  static String withoutSecrets(URI uri) {
    if (uri.isOpaque()) {
      return uri.getScheme() + ":…";
    }
    String authority = uri.getRawAuthority() == null ? "" : uri.getRawAuthority();
    return uri.getScheme()
        + "://"
        + authority.substring(authority.lastIndexOf('@') + 1)
        + (uri.getRawPath() == null ? "" : uri.getRawPath());
  }
}
