package dev.atelier.spec;

import java.net.InetAddress;
import java.net.URI;
import java.net.UnknownHostException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * Where the sources of specs may lie. What is told by a source's text is checked here; whoever
 * fetches it also checks the addresses of its host, at each redirect, and where its path leads.
 *
 * @param hosts that may be asked, {@code *.example.org} for all below it; empty: every one
 * @param privateAddresses whether a host may have a loopback, link-local or private address
 * @param directories below which files may lie
 * @param buckets that may be read; empty: every one but the platform's own
 * @param ownBucket the platform's own
 * @param hub base URL of the Hub, whose host is one of {@code hosts} or is not asked either
 */
public record SourcePolicy(
    Optional<List<String>> hosts,
    boolean privateAddresses,
    List<String> directories,
    Optional<List<String>> buckets,
    String ownBucket,
    URI hub) {

  /** The Hub that everybody knows. */
  public static final URI PUBLIC_HUB = URI.create("https://huggingface.co");

  /** Anywhere. */
  public static final SourcePolicy OPEN =
      new SourcePolicy(Optional.empty(), true, List.of("/"), Optional.of(List.of("*")), "");

  public SourcePolicy {
    hosts = hosts.map(List::copyOf);
    directories = List.copyOf(directories);
    buckets = buckets.map(List::copyOf);
    hub = hub == null ? PUBLIC_HUB : hub; // as Jackson leaves it
    if (hub.getHost() == null
        || !List.of("http", "https").contains(hub.getScheme())
        || hub.getRawQuery() != null
        || hub.getRawFragment() != null) {
      throw new IllegalArgumentException(
          "atelier.sources.hub is '%s': expected a base URL such as %s."
              .formatted(hub, PUBLIC_HUB));
    }
  }

  /** With the Hub that everybody knows. */
  public SourcePolicy(
      Optional<List<String>> hosts,
      boolean privateAddresses,
      List<String> directories,
      Optional<List<String>> buckets,
      String ownBucket) {
    this(hosts, privateAddresses, directories, buckets, ownBucket, PUBLIC_HUB);
  }

  /** The fields of a spec whose sources may not lie where they do. */
  public List<SpecFault> faults(ExperimentSpec spec) {
    List<SpecFault> faults = new ArrayList<>();
    add(faults, "dataset.source", Optional.of(spec.dataset().source()));
    add(faults, "teacher.source", spec.teacher().source());
    add(
        faults,
        "evaluation.extractor.source",
        Optional.of(spec.evaluation().extractor().source())
            .filter(source -> !source.equals(EvaluationSpec.ExtractorSpec.RANDOM_CONV)));
    add(faults, "evaluation.reference", spec.evaluation().reference());
    add(faults, "evaluation.prompts", spec.evaluation().prompts());
    add(
        faults,
        "evaluation.clip.source",
        spec.evaluation().clip().map(EvaluationSpec.ClipSpec::source));
    return faults;
  }

  private void add(List<SpecFault> faults, String field, Optional<String> source) {
    source.flatMap(this::fault).ifPresent(message -> faults.add(new SpecFault(field, message)));
  }

  /** Why a source may not be fetched, as far as its text tells; empty: it may. */
  public Optional<String> fault(String source) {
    if (source.equals("cifar10") || source.equals("shapes") || source.startsWith("shapes?")) {
      return Optional.empty();
    }
    try {
      return fault(SourceLocation.parse(source));
    } catch (SourceLocation.MalformedSourceException e) {
      return Optional.of(e.getMessage());
    }
  }

  /** Why what lies there may not be fetched, as far as its text tells; empty: it may. */
  public Optional<String> fault(SourceLocation location) {
    if (location instanceof SourceLocation.WebFile file) {
      return hostFault(file.uri().getHost());
    }
    if (location instanceof SourceLocation.StoredObject object) {
      return bucketFault(object.bucket());
    }
    if (location instanceof SourceLocation.StoredFolder folder) {
      return bucketFault(folder.bucket());
    }
    if (location instanceof SourceLocation.HubModel) {
      return hostFault(hub.getHost());
    }
    return pathFault(((SourceLocation.LocalFile) location).path());
  }

  private Optional<String> pathFault(Path path) {
    return allowsPath(path)
        ? Optional.empty()
        : Optional.of(
            "names the path '%s': expected one below %s (atelier.sources.directories)."
                .formatted(
                    path,
                    directories.isEmpty()
                        ? "a directory that is allowed, and none is"
                        : String.join(", ", directories)));
  }

  /** Whether a path, which is absolute and holds no {@code ..}, lies below a directory. */
  public boolean allowsPath(Path path) {
    return directories.stream()
        .map(directory -> Path.of(directory).toAbsolutePath().normalize())
        .anyMatch(path::startsWith);
  }

  /** Why a host may not be asked, as far as its name tells; empty: it may. */
  public Optional<String> hostFault(String host) {
    String name = host.toLowerCase(Locale.ROOT).replaceAll("\\.$", "");
    if (hosts.isPresent() && hosts.get().stream().noneMatch(h -> matches(h, name))) {
      return Optional.of(
          "names the host '%s': expected one of %s (atelier.sources.hosts)."
              .formatted(host, String.join(", ", hosts.get())));
    }
    boolean local = name.equals("localhost") || name.endsWith(".localhost");
    return !privateAddresses
            && (local || literal(name).filter(a -> !PublicAddress.is(a)).isPresent())
        ? Optional.of(privateHost(host))
        : Optional.empty();
  }

  /** Why a host may not be asked at one of its addresses; empty: it may. */
  public Optional<String> addressFault(String host, InetAddress address) {
    return privateAddresses || PublicAddress.is(address)
        ? Optional.empty()
        : Optional.of(privateHost(host));
  }

  private static String privateHost(String host) {
    return "names the host '%s', whose address is not public (atelier.sources.private-addresses)."
        .formatted(host);
  }

  private Optional<String> bucketFault(String bucket) {
    boolean allowed =
        buckets
            .map(own -> own.contains("*") || own.contains(bucket))
            .orElseGet(() -> !bucket.equals(ownBucket));
    return allowed
        ? Optional.empty()
        : Optional.of(
            "names the bucket '%s': expected one of yours (atelier.sources.buckets)."
                .formatted(bucket));
  }

  /** Whether a host is the one that is allowed, or below {@code *.}; {@code *} is every one. */
  public static boolean matches(String allowed, String named) {
    String host = named.toLowerCase(Locale.ROOT);
    String pattern = allowed.strip().toLowerCase(Locale.ROOT);
    return pattern.equals("*")
        || (pattern.startsWith("*.") ? host.endsWith(pattern.substring(1)) : host.equals(pattern));
  }

  /** The address that a host's text is; empty: it is a name. No name is looked up. */
  private static Optional<InetAddress> literal(String host) {
    if (!host.matches("[0-9.]+|\\[?[0-9a-f:.%]*:[0-9a-f:.%]*]?")) {
      return Optional.empty();
    }
    try {
      return Optional.of(InetAddress.getByName(host));
    } catch (UnknownHostException e) {
      return Optional.empty();
    }
  }
}
