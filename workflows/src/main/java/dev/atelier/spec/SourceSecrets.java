package dev.atelier.spec;

import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What in the address of a source lets its bearer in, and so must be seen by nobody. */
public final class SourceSecrets {

  private static final Pattern USER = Pattern.compile("(?s)^([A-Za-z][A-Za-z0-9+.-]*:/*)[^/?#]*@");

  /** A query parameter that is named like a signature, a token or a key, and its value. */
  private static final Pattern PARAMETER =
      Pattern.compile(
          "(?i)([?&;])((?:x-amz-|x-goog-|x-oss-)[\\w-]*|[\\w.-]*(?:signature|token|secret|passw(?:or)?d|credential|api[_.-]?key|access[_.-]?key(?:[_.-]?id)?)[\\w.-]*|googleaccessid|key-pair-id|sig|key|pwd|auth|authorization|jwt|sas|code)=([^&;#]*)");

  private SourceSecrets() {}

  /** Why a source may not be kept as it is written; empty: it holds no secret that is known. */
  static Optional<String> fault(String source) {
    if (!isUri(source)) {
      return Optional.empty();
    }
    Matcher parameter = PARAMETER.matcher(source);
    return parameter.find()
        ? Optional.of(
            "holds a secret in its query parameter '%s', and everyone who sees the experiment would see it: %s"
                .formatted(parameter.group(2), SourceLocation.INSTEAD))
        : Optional.empty();
  }

  /** The source as it may be shown and kept: without a user, and with {@code …} for signatures. */
  public static String redacted(String source) {
    if (!isUri(source)) {
      return source;
    }
    return PARAMETER.matcher(USER.matcher(source).replaceFirst("$1")).replaceAll("$1$2=…");
  }

  private static boolean isUri(String source) {
    return SourceLocation.SCHEME.matcher(source).matches();
  }
}
