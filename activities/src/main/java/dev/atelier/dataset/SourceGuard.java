package dev.atelier.dataset;

import dev.atelier.spec.SourceLocation;
import dev.atelier.spec.SourcePolicy;
import java.io.IOException;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** Holds a source to where it may lie, at the moment at which it is fetched. */
public record SourceGuard(
    SourcePolicy policy, ArchiveLimits limits, SourceCredentials credentials) {

  /** Without credentials for web servers. */
  public SourceGuard(SourcePolicy policy, ArchiveLimits limits) {
    this(policy, limits, SourceCredentials.NONE);
  }

  /** Anywhere, with the usual limits: for files of the person at this machine. */
  public static final SourceGuard OPEN = new SourceGuard(SourcePolicy.OPEN, ArchiveLimits.DEFAULTS);

  /** For what the platform itself names: any host, but no private address. */
  SourceGuard ofPlatform() {
    return new SourceGuard(
        new SourcePolicy(
            Optional.empty(), policy.privateAddresses(), List.of(), Optional.empty(), ""),
        limits);
  }

  /**
   * Checks where a source lies, as far as its text tells.
   *
   * @throws DatasetException when it may not be fetched
   */
  public void require(SourceLocation location, String shown) {
    policy.fault(location).ifPresent(reason -> refuse(shown, reason));
  }

  /** Checks a host as the client that asks it has read it. */
  void requireHost(String host) {
    policy.hostFault(host).ifPresent(reason -> refuse(host, reason));
  }

  /** Checks every address of a host. */
  void require(String host, List<InetAddress> addresses) {
    for (InetAddress address : addresses) {
      policy.addressFault(host, address).ifPresent(reason -> refuse(host, reason));
    }
  }

  /**
   * Checks where a path leads once its links are followed.
   *
   * @throws DatasetException when that is below no directory that is allowed
   */
  public void requireRealPath(Path path) throws IOException {
    Path real = path.toRealPath();
    for (String directory : policy.directories()) {
      Path allowed = Path.of(directory);
      if (Files.exists(allowed) && real.startsWith(allowed.toRealPath())) {
        return;
      }
    }
    refuse(
        path.toString(),
        "leads to '%s', which is below no directory of atelier.sources.directories."
            .formatted(real));
  }

  private static void refuse(String shown, String reason) {
    throw new DatasetException(
        DatasetException.Kind.UNREACHABLE,
        "The source '%s' may not be fetched: it %s".formatted(shown, reason));
  }
}
