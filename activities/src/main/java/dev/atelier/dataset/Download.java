package dev.atelier.dataset;

import dev.atelier.spec.SourceLocation;
import dev.atelier.spec.SourceLocation.WebFile;
import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.SocketTimeoutException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.time.temporal.ChronoUnit;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import okhttp3.Dns;
import okhttp3.HttpUrl;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.Response;

/**
 * Fetches HTTP URLs into a directory that keeps them. What a broken transfer left in {@code .part}
 * is continued when the server still has the same version of the file, or a checksum is known.
 *
 * <p>A finished file whose checksum is known is used again as it is. Every other one is asked for
 * again by its entity tag and date, and fetched anew where it has changed, or where it has neither;
 * it is used, with a word, where the server is away.
 */
final class Download {

  private static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(30);
  private static final int MOST_REDIRECTS = 10;
  private static final Duration STALL_TIMEOUT = Duration.ofSeconds(60);
  private static final int HEAD_BYTES = 512;
  private static final long MEGABYTE = 1_000_000;
  private static final long REPORT_INTERVAL_NANOS = TimeUnit.SECONDS.toNanos(1);

  private static final OkHttpClient HTTP =
      new OkHttpClient.Builder()
          .connectTimeout(CONNECT_TIMEOUT)
          .readTimeout(STALL_TIMEOUT)
          .followRedirects(false) // each goal is checked before it is asked
          .build();

  /** One download per file and process. */
  private static final Map<Path, Object> LOCKS = new ConcurrentHashMap<>();

  private final Path cache;
  private final PreparationListener listener;
  private final SourceGuard guard;
  private final AnswerCheck answers;
  private final OkHttpClient http;

  /** Sees each answer, those that redirect too, before it is used. */
  @FunctionalInterface
  interface AnswerCheck {
    /** Throws a {@link DatasetException} if it is not what was asked for. */
    void check(URI asked, Response answer);
  }

  Download(Path cache, PreparationListener listener, SourceGuard guard) {
    this(cache, listener, guard, Dns.SYSTEM, (asked, answer) -> {});
  }

  Download(Path cache, PreparationListener listener, SourceGuard guard, AnswerCheck answers) {
    this(cache, listener, guard, Dns.SYSTEM, answers);
  }

  /** What {@code names} answers is what is connected to, once it is checked. */
  Download(Path cache, PreparationListener listener, SourceGuard guard, Dns names) {
    this(cache, listener, guard, names, (asked, answer) -> {});
  }

  private Download(
      Path cache, PreparationListener listener, SourceGuard guard, Dns names, AnswerCheck answers) {
    this.cache = cache;
    this.listener = listener;
    this.guard = guard;
    this.answers = answers;
    this.http =
        HTTP.newBuilder()
            .dns(
                host -> {
                  List<InetAddress> addresses = names.lookup(host);
                  guard.require(host, addresses);
                  return addresses;
                })
            .build();
  }

  /** The local file with the content of {@code uri}; {@code md5} in lower-case hex. */
  Path fetch(URI uri, Optional<String> md5) {
    return fetch(new WebFile(uri, Optional.empty()), md5);
  }

  /** As {@link #fetch(URI, Optional)}, with the credentials that the source names. */
  Path fetch(WebFile file, Optional<String> md5) {
    URI uri = file.uri();
    Path target = cache.resolve(cacheName(file));
    synchronized (LOCKS.computeIfAbsent(target.toAbsolutePath(), path -> new Object())) {
      try {
        if (!Files.exists(target)) {
          Files.createDirectories(cache);
          fetchInto(file, md5, target, get(file, partOf(target, md5)));
        } else if (md5.isEmpty()) {
          refresh(file, target);
        }
        return target;
      } catch (InterruptedIOException e) {
        throw new UncheckedIOException(e);
      } catch (IOException e) {
        throw new DatasetException(
            DatasetException.Kind.UNREACHABLE,
            "Cannot download '%s': %s".formatted(SourceName.shown(uri), reason(e)),
            e);
      }
    }
  }

  /**
   * Forgets what was fetched: it is not what it should be.
   *
   * @return what it was, such as: 812 bytes; empty if there is none
   */
  Optional<String> drop(WebFile file) {
    Path target = cache.resolve(cacheName(file));
    synchronized (LOCKS.computeIfAbsent(target.toAbsolutePath(), path -> new Object())) {
      try {
        if (!Files.exists(target)) {
          return Optional.empty();
        }
        String content =
            "%s of %d bytes as '%s'"
                .formatted(isWebPage(target) ? "a web page" : "a file", Files.size(target), target);
        Files.deleteIfExists(Validators.file(target));
        Files.deleteIfExists(target);
        return Optional.of(content);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  private static boolean isWebPage(Path file) throws IOException {
    try (InputStream in = Files.newInputStream(file)) {
      String head = new String(in.readNBytes(HEAD_BYTES), StandardCharsets.ISO_8859_1);
      return head.strip().toLowerCase(Locale.ROOT).matches("(?s)<(!doctype html|html|\\?xml).*");
    }
  }

  /** Fetches a kept file anew unless the server still has the same. */
  private void refresh(WebFile file, Path target) throws IOException {
    Response response;
    try {
      response = get(file, new Wanted(0, Optional.empty(), Validators.read(target)));
    } catch (InterruptedIOException e) {
      throw e;
    } catch (IOException e) {
      tellKept(file, target, reason(e));
      return;
    }
    if (response.code() == HTTP_NOT_MODIFIED) {
      response.close();
    } else if (AWAY.contains(response.code())) {
      response.close();
      tellKept(file, target, "HTTP status %d".formatted(response.code()));
    } else {
      Wanted part = partOf(target, Optional.empty());
      if (part.from() > 0) {
        response.close();
        response = get(file, part);
      }
      fetchInto(file, Optional.empty(), target, response);
    }
  }

  private void tellKept(WebFile file, Path target, String reason) throws IOException {
    listener.onNotice(
        "The server of '%s' is away (%s): what was fetched at %s is used."
            .formatted(
                SourceName.shown(file.uri()),
                reason.replaceFirst("\\.$", ""),
                Files.getLastModifiedTime(target).toInstant().truncatedTo(ChronoUnit.SECONDS)));
  }

  private static final int HTTP_NOT_MODIFIED = 304;

  /** Too many requests, or the server's own trouble. */
  private static final Set<Integer> AWAY = Set.of(408, 429, 500, 502, 503, 504);

  /**
   * What is asked for.
   *
   * @param from the first byte that is missing
   * @param version the entity tag of the bytes before it
   * @param known what is there already, if that is still the same
   */
  private record Wanted(long from, Optional<String> version, Validators known) {
    static final Wanted ALL = new Wanted(0, Optional.empty(), Validators.NONE);
  }

  private static Path part(Path target) {
    return target.resolveSibling(target.getFileName() + ".part");
  }

  private static Path versionOfPart(Path target) {
    return target.resolveSibling(target.getFileName() + ".part.version");
  }

  /** What is missing of a transfer that broke, else all. */
  private static Wanted partOf(Path target, Optional<String> md5) throws IOException {
    Path version = versionOfPart(target);
    Optional<String> known =
        Files.exists(version) ? Optional.of(Files.readString(version)) : Optional.empty();
    boolean fits = known.isPresent() || md5.isPresent(); // else it may be of another version
    return fits && Files.exists(part(target))
        ? new Wanted(Files.size(part(target)), known, Validators.NONE)
        : Wanted.ALL;
  }

  private void fetchInto(WebFile file, Optional<String> md5, Path target, Response first)
      throws IOException {
    URI uri = file.uri();
    Path part = part(target);
    Path version = versionOfPart(target);
    long have = partOf(target, md5).from();
    Response response = first;
    if (response.code() == 416 || (response.code() == 206 && !continues(response, have))) {
      response.close();
      have = 0;
      response = get(file, Wanted.ALL);
    }
    Validators validators = Validators.of(response);
    try (InputStream body = response.body().byteStream()) {
      if (response.code() == 200) {
        have = 0;
      } else if (response.code() != 206 || have == 0) {
        throw new DatasetException(
            DatasetException.Kind.UNREACHABLE,
            "Cannot download '%s': expected HTTP status 200, found %d."
                .formatted(SourceName.shown(uri), response.code()));
      }
      if (have == 0) {
        Files.deleteIfExists(part);
        Files.deleteIfExists(version);
        Optional<String> newVersion = version(response);
        if (newVersion.isPresent()) {
          Files.writeString(version, newVersion.get());
        }
      }
      long expected = response.body().contentLength();
      receive(body, part, have, expected < 0 ? -1 : have + expected);
    }
    if (md5.isPresent()) {
      String found = md5(part);
      if (!found.equals(md5.get())) {
        Files.deleteIfExists(part);
        throw new DatasetException(
            DatasetException.Kind.CORRUPT,
            "Cannot use '%s': expected MD5 %s, found %s."
                .formatted(SourceName.shown(uri), md5.get(), found));
      }
    }
    // Between the two the file has no validators: it would be fetched again, not be taken for
    // another version.
    Files.deleteIfExists(Validators.file(target));
    Files.move(part, target, StandardCopyOption.REPLACE_EXISTING);
    Files.deleteIfExists(version);
    validators.write(target);
  }

  /** Asks for a URI, and for what it redirects to. */
  private Response get(WebFile file, Wanted wanted) throws IOException {
    URI uri = file.uri();
    URI at = uri;
    Optional<SourceCredentials.Header> secret =
        file.credentials()
            .map(name -> guard.credentials().header(name, uri, guard.policy().privateAddresses()));
    try {
      for (int redirects = 0; redirects <= MOST_REDIRECTS; redirects++) {
        guard.require(SourceLocation.parse(at.toString()), SourceName.shown(at));
        HttpUrl url = HttpUrl.get(at.toString());
        guard.requireHost(url.host()); // what is connected to, should its reader and ours differ
        Request.Builder request =
            new Request.Builder().url(url).header("Accept-Encoding", "identity");
        URI asked = at;
        secret
            .filter(header -> header.isFor(asked) && isSameOrUsualPort(uri, asked))
            .ifPresent(header -> request.header(header.name(), header.value()));
        if (wanted.from() > 0) {
          request.header("Range", "bytes=%d-".formatted(wanted.from()));
          wanted.version().ifPresent(known -> request.header("If-Range", known));
        }
        wanted.known().addTo(request);
        Response response = http.newCall(request.build()).execute();
        try {
          answers.check(asked, response);
        } catch (DatasetException e) {
          response.close();
          throw e;
        }
        String location = response.header("Location");
        if (!response.isRedirect() || location == null) {
          return response;
        }
        response.close();
        URI next = withoutFragment(at.resolve(location));
        if (!String.valueOf(next.getScheme()).matches("https?")
            || (at.getScheme().equals("https") && next.getScheme().equals("http"))) {
          throw new IOException(
              "It redirects from %s to %s.".formatted(at.getScheme(), next.getScheme()));
        }
        at = next;
      }
    } catch (IllegalArgumentException | SourceLocation.MalformedSourceException e) {
      // Without its cause, which quotes the address: one that is redirected to may be signed.
      throw new DatasetException(
          DatasetException.Kind.CORRUPT,
          "Cannot download '%s': it is not, or redirects to, what is no complete URL."
              .formatted(SourceName.shown(uri)));
    } catch (SocketTimeoutException e) {
      throw stalled(e);
    }
    throw new IOException("It redirects more than %d times.".formatted(MOST_REDIRECTS));
  }

  /** Another port of the same host may be another's server; that of the scheme is the host's. */
  private static boolean isSameOrUsualPort(URI first, URI asked) {
    return asked.getPort() == first.getPort()
        || asked.getPort() < 0
        || asked.getPort() == (asked.getScheme().equals("https") ? 443 : 80);
  }

  private static URI withoutFragment(URI uri) {
    return uri.getRawFragment() == null
        ? uri
        : URI.create(uri.toString().substring(0, uri.toString().indexOf('#')));
  }

  private static boolean continues(Response response, long have) {
    return Optional.ofNullable(response.header("Content-Range"))
        .map(range -> range.startsWith("bytes " + have + "-"))
        .orElse(false);
  }

  /** What If-Range may name: a strong entity tag. */
  private static Optional<String> version(Response response) {
    return Optional.ofNullable(response.header("ETag")).filter(tag -> tag.startsWith("\""));
  }

  private void receive(InputStream body, Path part, long have, long expected) throws IOException {
    long total = have;
    try (OutputStream out =
        Files.newOutputStream(part, StandardOpenOption.CREATE, StandardOpenOption.APPEND)) {
      byte[] buffer = new byte[1 << 16];
      long reported = System.nanoTime() - REPORT_INTERVAL_NANOS;
      while (true) {
        int read = body.read(buffer);
        if (read < 0) {
          break;
        }
        total += read;
        if (total > guard.limits().bytes()) {
          throw new IOException(
              "It has more than %d bytes (atelier.sources.archive-bytes)."
                  .formatted(guard.limits().bytes()));
        }
        out.write(buffer, 0, read);
        if (System.nanoTime() - reported >= REPORT_INTERVAL_NANOS) {
          reported = System.nanoTime();
          report(total, expected);
        }
        if (Thread.currentThread().isInterrupted()) {
          throw new InterruptedIOException("The download was interrupted.");
        }
      }
    } catch (SocketTimeoutException e) {
      throw stalled(e);
    }
    if (expected >= 0 && total != expected) {
      throw new IOException("Expected %d bytes, found %d.".formatted(expected, total));
    }
    report(total, expected);
  }

  /** By what a server tells whether a file has changed. */
  private record Validators(Optional<String> entityTag, Optional<String> lastModified) {
    static final Validators NONE = new Validators(Optional.empty(), Optional.empty());

    static Validators of(Response response) {
      return new Validators(
          Optional.ofNullable(response.header("ETag")),
          Optional.ofNullable(response.header("Last-Modified")));
    }

    static Path file(Path target) {
      return target.resolveSibling(target.getFileName() + ".version");
    }

    static Validators read(Path target) throws IOException {
      if (!Files.exists(file(target))) {
        return NONE;
      }
      List<String> lines = Files.readAllLines(file(target));
      return new Validators(line(lines, 0), line(lines, 1));
    }

    private static Optional<String> line(List<String> lines, int index) {
      return lines.size() <= index || lines.get(index).isEmpty()
          ? Optional.empty()
          : Optional.of(lines.get(index));
    }

    void write(Path target) throws IOException {
      Files.writeString(file(target), entityTag.orElse("") + "\n" + lastModified.orElse("") + "\n");
    }

    void addTo(Request.Builder request) {
      entityTag.ifPresent(tag -> request.header("If-None-Match", tag));
      lastModified.ifPresent(date -> request.header("If-Modified-Since", date));
    }
  }

  private static IOException stalled(IOException cause) {
    return new IOException(
        "The server sent nothing for %d seconds.".formatted(STALL_TIMEOUT.toSeconds()), cause);
  }

  private void report(long total, long expected) {
    listener.onProgress(
        expected < 0
            ? "downloaded %d MB".formatted(total / MEGABYTE)
            : "downloaded %d of %d MB".formatted(total / MEGABYTE, expected / MEGABYTE));
  }

  private static String reason(IOException e) {
    return e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
  }

  /**
   * A file name of its own for each URI, with the readable end of its path; what was fetched with
   * credentials is not there for who does not name them.
   */
  private static String cacheName(WebFile file) {
    URI uri = file.uri();
    String asked = uri + file.credentials().map(name -> "#credentials=" + name).orElse("");
    String path = uri.getPath() == null ? "" : uri.getPath();
    String last = path.substring(path.lastIndexOf('/') + 1).replaceAll("[^A-Za-z0-9._-]", "_");
    String hash =
        HexFormat.of().formatHex(digest("SHA-256").digest(asked.getBytes(StandardCharsets.UTF_8)));
    return hash.substring(0, 16) + "-" + last.substring(Math.max(0, last.length() - 100));
  }

  private static String md5(Path file) throws IOException {
    MessageDigest digest = digest("MD5");
    try (InputStream in = Files.newInputStream(file)) {
      byte[] buffer = new byte[1 << 16];
      for (int read; (read = in.read(buffer)) >= 0; ) {
        digest.update(buffer, 0, read);
      }
    }
    return HexFormat.of().formatHex(digest.digest());
  }

  private static MessageDigest digest(String algorithm) {
    try {
      return MessageDigest.getInstance(algorithm);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e); // every JDK has both
    }
  }
}
