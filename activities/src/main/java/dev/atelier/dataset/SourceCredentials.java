package dev.atelier.dataset;

import dev.atelier.spec.SourcePolicy;
import java.io.IOException;
import java.io.Reader;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Properties;

/**
 * What web servers are asked with, by the name that a source gives ({@code #credentials=NAME}).
 *
 * @param file properties: {@code NAME.hosts}, {@code NAME.value} and, if it is not {@code
 *     Authorization}, {@code NAME.header}; read anew for each download
 */
public record SourceCredentials(Optional<Path> file) {

  /** None at all. */
  public static final SourceCredentials NONE = new SourceCredentials(Optional.empty());

  /** One header of a request. */
  record Header(String name, String value, List<String> hosts, boolean alsoWithoutTls) {

    /** Whether it may be sent there; a redirect may lead elsewhere. */
    boolean isFor(URI uri) {
      return (uri.getScheme().equals("https") || alsoWithoutTls)
          && hosts.stream().anyMatch(host -> SourcePolicy.matches(host, uri.getHost()));
    }
  }

  /**
   * The header of that name for a first request.
   *
   * @throws DatasetException if there is none, or none for that address
   */
  Header header(String name, URI uri, boolean alsoWithoutTls) {
    Properties all = read();
    String hosts = all.getProperty(name + ".hosts", "");
    String value = all.getProperty(name + ".value", "").strip();
    if (hosts.isBlank() || value.isEmpty()) {
      throw refused(
          "names the credentials '%s': expected one of atelier.sources.credentials-file, with hosts and value"
              .formatted(name));
    }
    Header header =
        new Header(
            all.getProperty(name + ".header", "Authorization").strip(),
            value,
            Arrays.stream(hosts.split(",", -1)).map(String::strip).toList(),
            alsoWithoutTls);
    if (!header.isFor(uri)) {
      throw refused(
          "names the credentials '%s' for %s://%s: expected https and one of the hosts %s"
              .formatted(name, uri.getScheme(), uri.getHost(), String.join(", ", header.hosts())));
    }
    return header;
  }

  private Properties read() {
    Properties all = new Properties();
    if (file.isPresent()) {
      try (Reader in = Files.newBufferedReader(file.get(), StandardCharsets.UTF_8)) {
        all.load(in);
      } catch (IOException | IllegalArgumentException e) {
        throw refused("cannot be read with credentials: atelier.sources.credentials-file cannot");
      }
    }
    return all;
  }

  private static DatasetException refused(String reason) {
    return new DatasetException(
        DatasetException.Kind.UNREACHABLE, "The source may not be fetched: it " + reason + ".");
  }
}
