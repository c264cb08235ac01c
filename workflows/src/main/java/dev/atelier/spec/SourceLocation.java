package dev.atelier.spec;

import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Where a source's files lie, read from its text once: what is judged is what is fetched. A text
 * that two programs could read in two ways is refused.
 */
public sealed interface SourceLocation {

  /** A file or directory; the path is absolute and holds no {@code ..}. */
  record LocalFile(Path path) implements SourceLocation {}

  /**
   * A file of a web server.
   *
   * @param uri {@code http} or {@code https}, with a host, without user and fragment
   * @param credentials name of the workers' credentials that it is asked with
   */
  record WebFile(URI uri, Optional<String> credentials) implements SourceLocation {}

  /** An object of the object store; no part of its key is empty, {@code .} or {@code ..}. */
  record StoredObject(String bucket, String key) implements SourceLocation {}

  /**
   * All objects of the object store below a prefix.
   *
   * @param prefix ends with {@code /}; no part of it is empty, {@code .} or {@code ..}
   */
  record StoredFolder(String bucket, String prefix) implements SourceLocation {}

  /**
   * A commit of a model of the Hub, or a folder of it.
   *
   * @param revision the whole commit, 40 hexadecimal digits
   * @param folder absent: the model's own; no part of it is empty, {@code .} or {@code ..}
   * @param credentials name of the workers' credentials that the Hub is asked with
   */
  record HubModel(
      String owner,
      String name,
      String revision,
      Optional<String> folder,
      Optional<String> credentials)
      implements SourceLocation {

    /** Owner and name, as the Hub has them. */
    public String id() {
      return owner + "/" + name;
    }
  }

  Pattern SCHEME = Pattern.compile("([A-Za-z][A-Za-z0-9+.-]*):.*", Pattern.DOTALL);
  Pattern BUCKET = Pattern.compile("[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]");
  Pattern CREDENTIALS = Pattern.compile("credentials=([A-Za-z0-9_-]{1,64})");
  Pattern HUB_NAME = Pattern.compile("[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9_])?");
  Pattern HUB_PATH = Pattern.compile("/([^/@]*)(?:@([^/]*))?(?:/(.*))?");
  Pattern COMMIT = Pattern.compile("[0-9a-f]{40}");

  /**
   * Reads the path or URI of a source.
   *
   * @throws MalformedSourceException if it is neither, or not an unambiguous one
   */
  static SourceLocation parse(String source) {
    if (source.isBlank()) {
      throw new MalformedSourceException("must not be blank.");
    }
    if (source.indexOf('\0') >= 0) {
      throw new MalformedSourceException("must not contain the character NUL.");
    }
    Matcher scheme = SCHEME.matcher(source);
    if (!scheme.matches()) {
      return file(() -> Path.of(source), "is not a path.");
    }
    // Patterns of names have braces, which a URI has only as escapes.
    boolean isStored = source.regionMatches(true, 0, "s3:", 0, 3);
    URI uri = uri(isStored ? source.replace("{", "%7B").replace("}", "%7D") : source);
    return switch (scheme.group(1).toLowerCase(Locale.ROOT)) {
      case "file" -> localFile(uri);
      case "http", "https" -> webFile(uri);
      case "s3" -> stored(uri);
      case "hf" -> hubModel(uri);
      default ->
          throw new MalformedSourceException(
              "has the unknown scheme '%s': expected file, http, https, s3 or, for a teacher, hf."
                  .formatted(scheme.group(1)));
    };
  }

  private static URI uri(String source) {
    try {
      return new URI(source);
    } catch (URISyntaxException e) {
      throw new MalformedSourceException(
          "is not a URI: %s at character %d.".formatted(e.getReason(), e.getIndex() + 1));
    }
  }

  private static LocalFile localFile(URI uri) {
    if (uri.getPath() == null || uri.getPath().length() < 2) {
      throw new MalformedSourceException("needs a path, as in file:/data/images.");
    }
    return file(
        () -> Path.of(uri),
        "is not the URI of a file of this machine: expected file:/data/images.");
  }

  /** Where a path comes from. */
  interface PathSource {
    Path get();
  }

  private static LocalFile file(PathSource path, String fault) {
    try {
      return new LocalFile(path.get().toAbsolutePath().normalize());
    } catch (InvalidPathException e) {
      throw new MalformedSourceException("is not a path.");
    } catch (IllegalArgumentException e) {
      throw new MalformedSourceException(fault);
    }
  }

  private static WebFile webFile(URI uri) {
    refuseUser(uri);
    // A host that java.net.URI does not read, such as one with an escape, is null here.
    if (uri.getHost() == null || uri.getHost().contains("%")) {
      throw new MalformedSourceException("needs a host, as in https://host/images.zip.");
    }
    if (uri.getPort() > 65_535) {
      throw new MalformedSourceException("has the port %d.".formatted(uri.getPort()));
    }
    String text = uri.toString();
    return new WebFile(
        uri.getRawFragment() == null ? uri : URI.create(text.substring(0, text.indexOf('#'))),
        credentials(uri));
  }

  private static Optional<String> credentials(URI uri) {
    return Optional.ofNullable(uri.getRawFragment())
        .map(
            text -> {
              Matcher named = CREDENTIALS.matcher(text);
              if (!named.matches()) {
                throw new MalformedSourceException(
                    "has a part after '#': expected none, or credentials=NAME.");
              }
              return named.group(1);
            });
  }

  private static HubModel hubModel(URI uri) {
    String owner = uri.getRawAuthority() == null ? "" : uri.getRawAuthority();
    Matcher path = HUB_PATH.matcher(uri.getRawPath() == null ? "" : uri.getRawPath());
    if (!path.matches() || !isHubName(owner) || !isHubName(path.group(1))) {
      throw new MalformedSourceException(
          "needs a model of the Hub and its commit, as in hf://OWNER/NAME@COMMIT.");
    }
    String revision = path.group(2) == null ? "" : path.group(2);
    if (!COMMIT.matcher(revision).matches()) {
      throw new MalformedSourceException(
          "needs a commit of 40 hexadecimal digits after '@', since a branch or tag moves, found '%s': the History of the model's files on the Hub shows it, and so does git ls-remote https://huggingface.co/%s/%s."
              .formatted(revision, owner, path.group(1)));
    }
    if (uri.getRawQuery() != null) {
      throw new MalformedSourceException("has a part after '?': expected none.");
    }
    // A folder may be written with a slash at its end.
    Optional<String> folder =
        Optional.ofNullable(path.group(3))
            .map(text -> text.replaceFirst("/$", ""))
            .filter(text -> !text.isEmpty());
    folder.ifPresent(
        text -> {
          requireParts(text, "a folder");
          if (!text.matches("[A-Za-z0-9._/-]+")) {
            throw new MalformedSourceException(
                "needs a folder of letters, digits, '.', '_' and '-', found '%s'.".formatted(text));
          }
        });
    return new HubModel(owner, path.group(1), revision, folder, credentials(uri));
  }

  private static boolean isHubName(String name) {
    return HUB_NAME.matcher(name).matches() && !name.contains("--") && !name.contains("..");
  }

  private static SourceLocation stored(URI uri) {
    refuseUser(uri);
    String key = uri.getPath() == null ? "" : uri.getPath().replaceFirst("^/", "");
    if (uri.getRawAuthority() == null || key.isEmpty()) {
      throw new MalformedSourceException("needs a bucket and a key, as in s3://bucket/images.zip.");
    }
    if (!BUCKET.matcher(uri.getRawAuthority()).matches()) {
      throw new MalformedSourceException(
          "needs a bucket of 3 to 63 small letters, digits, dots and hyphens, without a port, found '%s'."
              .formatted(uri.getRawAuthority()));
    }
    if (uri.getRawQuery() != null || uri.getRawFragment() != null) {
      throw new MalformedSourceException(
          "has a part after '?' or '#': expected a bucket and a key alone (%3F and %23 in a key).");
    }
    requireParts(key.replaceFirst("/$", ""), "a key");
    if (key.chars().anyMatch(Character::isISOControl)) {
      throw new MalformedSourceException("must not contain control characters.");
    }
    return key.endsWith("/")
        ? new StoredFolder(uri.getRawAuthority(), key)
        : new StoredObject(uri.getRawAuthority(), key);
  }

  private static void requireParts(String path, String what) {
    for (String part : path.split("/", -1)) {
      if (part.isEmpty() || part.equals(".") || part.equals("..")) {
        throw new MalformedSourceException(
            "needs %s without empty parts, '.' and '..', found '%s'.".formatted(what, path));
      }
    }
  }

  private static void refuseUser(URI uri) {
    if (uri.getRawAuthority() != null && uri.getRawAuthority().contains("@")) {
      throw new MalformedSourceException(
          "names a user before '@', and everyone who sees the experiment would see it: " + INSTEAD);
    }
  }

  /** What to do in place of secrets in an address. */
  String INSTEAD =
      "name credentials of the workers instead, as in https://host/images.zip#credentials=NAME (atelier.sources.credentials-file).";

  /** Says why a text is not the location of a source: a predicate such as "needs a host.". */
  final class MalformedSourceException extends RuntimeException {

    MalformedSourceException(String message) {
      super(message);
    }
  }
}
