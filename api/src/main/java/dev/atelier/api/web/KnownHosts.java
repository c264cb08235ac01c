package dev.atelier.api.web;

import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The names that this server goes by, so that a name of somebody else's cannot stand for it. */
final class KnownHosts {

  private static final Pattern ENTRY =
      Pattern.compile("(\\*\\.)?([a-z0-9_.-]+|\\[[0-9a-f:.]+\\])(?::([0-9]{1,5}))?");
  private static final Pattern V4 = Pattern.compile("[0-9]{1,3}(\\.[0-9]{1,3}){3}");
  private static final Pattern LOOPBACK =
      Pattern.compile("localhost|127(\\.[0-9]{1,3}){3}|\\[::1\\]");

  /**
   * A host with its port.
   *
   * @param port empty: that of the scheme
   */
  record Authority(String host, Optional<Integer> port) {

    /** Reads {@code host}, {@code host:port} or {@code [v6]:port}; empty: it is none of them. */
    static Optional<Authority> of(String text) {
      Matcher found = ENTRY.matcher(text.toLowerCase(Locale.ROOT));
      return found.matches() && found.group(1) == null
          ? Optional.of(
              new Authority(
                  found.group(2), Optional.ofNullable(found.group(3)).map(Integer::valueOf)))
          : Optional.empty();
    }

    boolean isLoopback() {
      return LOOPBACK.matcher(host).matches();
    }

    /** Whether it is an IP address, which no name server can turn to another machine. */
    boolean isAddress() {
      return host.startsWith("[") || V4.matcher(host).matches();
    }
  }

  /** An entry of the setting. */
  private record Known(boolean allBelow, Authority authority) {

    boolean names(Authority asked) {
      return allBelow
          ? asked.host().endsWith("." + authority.host())
          : asked.host().equals(authority.host());
    }
  }

  private final List<Known> known;
  private final Optional<String> listensOn;

  /**
   * @param entries such as {@code atelier.example.org}, {@code *.example.org} or {@code api:8080}
   * @param address what the server listens on; every address of the machine is no name
   * @throws IllegalArgumentException with a sentence, where an entry is no host
   */
  KnownHosts(List<String> entries, String address) {
    known = entries.stream().map(KnownHosts::entry).toList();
    listensOn =
        Optional.of(address.contains(":") ? "[" + address + "]" : address)
            .map(text -> text.toLowerCase(Locale.ROOT))
            .filter(text -> !text.equals("0.0.0.0") && !text.equals("[::]"));
  }

  private static Known entry(String text) {
    Matcher found = ENTRY.matcher(text.strip().toLowerCase(Locale.ROOT));
    if (!found.matches()) {
      throw new IllegalArgumentException(
          "atelier.http.hosts must name hosts such as atelier.example.org, *.example.org or api:8080, found '%s'."
              .formatted(text));
    }
    return new Known(
        found.group(1) != null,
        new Authority(found.group(2), Optional.ofNullable(found.group(3)).map(Integer::valueOf)));
  }

  /** Whether the server goes by that name: one without a port in the setting holds for all. */
  boolean knows(Authority asked) {
    return asked.isLoopback()
        || listensOn.filter(asked.host()::equals).isPresent()
        || known.stream()
            .anyMatch(
                entry ->
                    entry.names(asked)
                        && (entry.authority.port().isEmpty()
                            || entry.authority.port().equals(asked.port())));
  }

  /**
   * Whether the setting names the origin of a page, so that a proxy may call the server otherwise:
   * with a port, or at the scheme's own.
   *
   * @param ofScheme port
   */
  boolean isListed(Authority origin, int ofScheme) {
    return known.stream()
        .anyMatch(
            entry ->
                entry.names(origin)
                    && entry
                        .authority
                        .port()
                        .orElse(ofScheme)
                        .equals(origin.port().orElse(ofScheme)));
  }
}
