package dev.atelier.spec;

import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What in the address of a source lets its bearer in, and so must be seen by nobody. */
public final class SourceSecrets {

  private static final Pattern ADDRESS =
      Pattern.compile("[A-Za-z][A-Za-z0-9+.-]*:/[^\\s\"'<>]*"); // in a text
  private static final Pattern USER = Pattern.compile("([A-Za-z][A-Za-z0-9+.-]*:/*)[^/?#]*@");
  private static final Pattern ANY_USER = Pattern.compile("[A-Za-z][A-Za-z0-9+.-]*:/+[^/?#\\s]*@");
  private static final Pattern PARAMETER = Pattern.compile("[?&;]([^=&;#?]*)=");
  private static final int DECODINGS = 5; // a text made to be decoded for ever keeps nobody busy
  private static final Pattern ESCAPE = Pattern.compile("%([0-9A-Fa-f]{2})");

  /** A query parameter that is named like a signature, a token or a key. */
  private static final Pattern SECRET =
      Pattern.compile(
          "(?is)(?:x-amz-|x-goog-|x-oss-).*|.*(?:signature|token|secret|passw(?:or)?d|credential|api[_.-]?key|access[_.-]?key(?:[_.-]?id)?).*|googleaccessid|key-pair-id|sig|key|pwd|auth|authorization|jwt|sas|code");

  private SourceSecrets() {}

  /**
   * Why a source may not be kept as it is written; empty: it holds no secret that is known. What is
   * percent-encoded, up to five times, is read as its server would; so is an address inside of it.
   */
  static Optional<String> fault(String source) {
    if (!isUri(source)) {
      return Optional.empty();
    }
    String read = decoded(source);
    Matcher parameter = PARAMETER.matcher(read);
    while (parameter.find()) {
      if (SECRET.matcher(parameter.group(1)).matches()) {
        return Optional.of(
            "holds a secret in its query parameter '%s', and everyone who sees the experiment would see it: %s"
                .formatted(parameter.group(1), SourceLocation.INSTEAD));
      }
    }
    return ANY_USER.matcher(read).find()
        ? Optional.of(
            "holds a user before '@', and everyone who sees the experiment would see it: "
                + SourceLocation.INSTEAD)
        : Optional.empty();
  }

  /** Why a text of a user may not be kept: it names an address with a secret; empty: it may. */
  public static Optional<String> faultIn(String text) {
    return ADDRESS
        .matcher(text)
        .results()
        .flatMap(address -> fault(address.group()).stream())
        .findFirst();
  }

  /** The source as it may be shown and kept: without a user, and with {@code …} for signatures. */
  public static String redacted(String source) {
    if (!isUri(source)) {
      return source;
    }
    Matcher user = USER.matcher(source);
    String address = user.lookingAt() ? user.replaceFirst("$1") : source;
    StringBuilder shown = new StringBuilder();
    int from = 0; // of what is not yet shown
    Matcher parameter = PARAMETER.matcher(address);
    while (parameter.find()) {
      if (parameter.start() >= from && SECRET.matcher(decoded(parameter.group(1))).matches()) {
        shown.append(address, from, parameter.end()).append('…');
        from = parameter.end();
        while (from < address.length() && "&;#".indexOf(address.charAt(from)) < 0) {
          from++;
        }
      }
    }
    return shown.append(address, from, address.length()).toString();
  }

  /** Without percent-encoding, as often as a server would undo it. */
  private static String decoded(String text) {
    String read = text;
    for (int pass = 0; pass < DECODINGS && read.contains("%"); pass++) {
      read =
          ESCAPE
              .matcher(read)
              .replaceAll(
                  escape ->
                      Matcher.quoteReplacement(
                          Character.toString(Integer.parseInt(escape.group(1), 16))));
    }
    return read;
  }

  private static boolean isUri(String source) {
    return SourceLocation.SCHEME.matcher(source).matches();
  }
}
