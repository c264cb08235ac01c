package dev.atelier.store.objects;

import io.micrometer.core.instrument.Metrics;
import io.minio.BucketExistsArgs;
import io.minio.GetObjectArgs;
import io.minio.GetPresignedObjectUrlArgs;
import io.minio.Http;
import io.minio.ListObjectsArgs;
import io.minio.MakeBucketArgs;
import io.minio.MinioClient;
import io.minio.PutObjectArgs;
import io.minio.RemoveObjectArgs;
import io.minio.Result;
import io.minio.StatObjectArgs;
import io.minio.UploadObjectArgs;
import io.minio.credentials.Credentials;
import io.minio.errors.ErrorResponseException;
import io.minio.errors.MinioException;
import io.minio.messages.Item;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.URI;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.DigestOutputStream;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.security.ProviderException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Predicate;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManager;
import javax.net.ssl.X509TrustManager;
import okhttp3.OkHttpClient;

/**
 * One bucket of an S3 server. Every failure of the server is a {@link StoreUnavailableException},
 * also where whoever gives the keys is away.
 */
public final class ObjectStore {

  private static final String CHANGED = "PreconditionFailed";
  private static final Set<String> ABSENT = Set.of("NoSuchKey", "NoSuchObject", "NoSuchBucket");
  private static final Set<Integer> REFUSALS = Set.of(401, 403);
  private static final String USUAL_REGION = "us-east-1";
  private static final Duration LONGEST = Duration.ofDays(7); // that S3 allows a signature

  private final MinioClient client;
  private final MinioClient foreign; // of buckets that may lie in another region
  private final Optional<MinioClient> links;
  private final StoreKeys keys;
  private final String bucket;
  private final Clock clock;

  /**
   * Asks nobody yet.
   *
   * @throws IllegalArgumentException if one key of a pair is set alone, or an address is none
   */
  public ObjectStore(StoreSettings settings) {
    this(settings, transport(settings.trust()));
  }

  /** With keys that are known, and no links. */
  public ObjectStore(String endpoint, String accessKey, String secretKey, String bucket) {
    this(StoreSettings.of(endpoint, accessKey, secretKey, bucket));
  }

  /** On a transport of one's own. */
  public ObjectStore(StoreSettings settings, OkHttpClient transport) {
    this(settings, transport, System.getenv(), Clock.systemUTC());
  }

  ObjectStore(
      StoreSettings settings,
      OkHttpClient transport,
      Map<String, String> environment,
      Clock clock) {
    this.keys = StoreKeys.of(settings, environment, transport, clock);
    this.bucket = settings.bucket();
    this.clock = clock;
    this.foreign = client(settings.endpoint(), Optional.empty(), transport);
    this.client =
        keys.region().isEmpty() ? foreign : client(settings.endpoint(), keys.region(), transport);
    this.links =
        settings
            .publicEndpoint()
            .map(at -> client(at, keys.region().or(() -> regionInLinks(at)), transport));
  }

  // AWS's addresses have it; another server may be out of reach from here under its public one.
  private static Optional<String> regionInLinks(String endpoint) {
    return endpoint.contains(".amazonaws.com") ? Optional.empty() : Optional.of(USUAL_REGION);
  }

  private MinioClient client(String endpoint, Optional<String> region, OkHttpClient transport) {
    MinioClient.Builder builder =
        MinioClient.builder()
            .endpoint(endpoint)
            .credentialsProvider(keys.provider())
            .httpClient(transport);
    region.ifPresent(builder::region);
    return builder.build();
  }

  /** The client's own, on servers whose certificate is trusted. */
  static OkHttpClient transport(Optional<X509TrustManager> trust) {
    OkHttpClient usual = Http.newDefaultClient();
    if (trust.isEmpty()) {
      return usual;
    }
    try {
      SSLContext context = SSLContext.getInstance("TLS");
      context.init(null, new TrustManager[] {trust.get()}, null);
      return usual.newBuilder().sslSocketFactory(context.getSocketFactory(), trust.get()).build();
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("This Java has no TLS.", e);
    }
  }

  /**
   * Makes the bucket when it does not exist yet.
   *
   * @throws StoreRefusedException if the server does not accept the keys, or not for this bucket,
   *     or the keys themselves are refused
   */
  public void ensureBucket() {
    try {
      ask(
          "open bucket",
          bucket,
          () -> {
            if (!bucketExists()) {
              client.makeBucket(MakeBucketArgs.builder().bucket(bucket).build());
            }
            return bucket;
          });
    } catch (StoreUnavailableException e) {
      if (e.getCause() instanceof ErrorResponseException refusal
          && REFUSALS.contains(refusal.response().code())) {
        throw new StoreRefusedException(
            "it refuses the bucket '%s' with %d %s: expected keys that may use it (%s)."
                .formatted(
                    bucket,
                    refusal.response().code(),
                    refusal.errorResponse().code(),
                    keys.named()),
            e);
      }
      if (areRefused(e)) {
        throw new StoreRefusedException(e.getCause().getMessage(), e);
      }
      throw e;
    }
  }

  /** Whether the bucket is there. */
  public boolean hasBucket() {
    return ask("look up bucket", bucket, this::bucketExists);
  }

  private boolean bucketExists() throws MinioException {
    return client.bucketExists(BucketExistsArgs.builder().bucket(bucket).build());
  }

  private static boolean areRefused(Throwable failure) {
    for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
      if (cause instanceof KeysRefusedException) {
        return true;
      }
    }
    return false;
  }

  public void put(String key, byte[] content, String contentType) {
    PutObjectArgs object =
        PutObjectArgs.builder()
            .bucket(bucket)
            .object(key)
            .data(content, content.length)
            .contentType(contentType)
            .build();
    ask("write object", key, () -> client.putObject(object));
  }

  public void put(String key, Path file, String contentType) {
    ask(
        "write object",
        key,
        () ->
            client.uploadObject(
                UploadObjectArgs.builder()
                    .bucket(bucket)
                    .object(key)
                    .filename(file.toString())
                    .contentType(contentType)
                    .build()));
  }

  /** The whole content of a small object, or nothing when it does not exist. */
  public Optional<byte[]> get(String key) {
    return askFor(
        "read object",
        key,
        () -> {
          try (InputStream in = client.getObject(own(key))) {
            return in.readAllBytes();
          }
        });
  }

  /** The content of an object as it comes, or nothing when it does not exist. */
  public Optional<InputStream> open(String key) {
    return askFor("read object", key, () -> client.getObject(own(key)));
  }

  private GetObjectArgs own(String key) {
    return GetObjectArgs.builder().bucket(bucket).object(key).build();
  }

  /** A URL that needs no credentials, and the last moment when it works. */
  public record Link(URI href, Instant expiresAt) {}

  /**
   * Signs a URL of an object; the store is not asked, not even whether there is one.
   *
   * @param validity 7 days at most count, and no more than the keys have left
   * @return empty where it is not known how users reach the store
   */
  public Optional<Link> link(String key, Duration validity) {
    if (links.isEmpty()) {
      return Optional.empty();
    }
    Duration asked = validity.compareTo(LONGEST) > 0 ? LONGEST : validity;
    return Optional.of(
        ask(
            "sign a link to object",
            key,
            () -> {
              Instant last = clock.instant().plus(asked);
              Instant keysEnd =
                  Optional.ofNullable(keys.provider().fetch())
                      .map(Credentials::expiration)
                      .map(end -> end.toInstant())
                      .orElse(Instant.MAX);
              String url =
                  links
                      .get()
                      .getPresignedObjectUrl(
                          GetPresignedObjectUrlArgs.builder()
                              .method(Http.Method.GET)
                              .bucket(bucket)
                              .object(key)
                              .expiry(Math.toIntExact(asked.toSeconds()))
                              .build());
              return new Link(URI.create(url), last.isBefore(keysEnd) ? last : keysEnd);
            }));
  }

  /**
   * Copies an object into {@code file}, which appears whole or not at all, also when the machine
   * loses power.
   *
   * @throws ObjectCorruptException if the object is missing or its content is not {@code sha256}
   */
  public void fetch(String key, String sha256, Path file) {
    String found = fetch(client, own(key), file, sha256, Long.MAX_VALUE);
    if (!found.equals(sha256)) {
      throw new ObjectCorruptException(
          "Cannot read object '%s': expected sha256 %s, found %s.".formatted(key, sha256, found));
    }
  }

  /**
   * Copies any object of the server, such as a user's dataset, into {@code file}.
   *
   * @throws ObjectCorruptException if it is missing or has more than {@code mostBytes}
   */
  public void fetchForeign(String foreignBucket, String key, Path file, long mostBytes) {
    GetObjectArgs asked = GetObjectArgs.builder().bucket(foreignBucket).object(key).build();
    fetch(foreign, asked, file, "", mostBytes);
  }

  /**
   * Copies an object that was listed into {@code file}.
   *
   * @throws ObjectCorruptException if it is missing or another one since, or has more than {@code
   *     mostBytes}
   */
  public void fetchListed(String foreignBucket, Listed object, Path file, long mostBytes) {
    GetObjectArgs asked =
        GetObjectArgs.builder()
            .bucket(foreignBucket)
            .object(object.key())
            .matchETag(object.entityTag())
            .build();
    fetch(foreign, asked, file, "", mostBytes);
  }

  private String fetch(
      MinioClient from, GetObjectArgs asked, Path file, String expected, long mostBytes) {
    String key = asked.object();
    Path partial =
        file.resolveSibling(
            file.getFileName()
                + "."
                + ProcessHandle.current().pid()
                + "-"
                + Thread.currentThread().getId()
                + ".part");
    MessageDigest digest = Sha256.digest();
    try {
      return ask(
          "read object",
          key,
          () -> {
            Files.createDirectories(file.toAbsolutePath().getParent());
            try (InputStream in = from.getObject(asked);
                OutputStream out = new DigestOutputStream(Files.newOutputStream(partial), digest)) {
              copy(in, out, key, mostBytes);
            } catch (ErrorResponseException e) {
              if (isAbsent(e)) {
                throw new ObjectCorruptException(
                    "Cannot read object '%s': it does not exist.".formatted(key));
              }
              if (e.errorResponse().code().equals(CHANGED)) {
                throw new ObjectCorruptException(
                    "Cannot read object '%s': it changed after it was listed.".formatted(key));
              }
              throw e;
            }
            String found = Sha256.hex(digest.digest());
            if (expected.isEmpty() || expected.equals(found)) {
              force(partial);
              Files.move(partial, file, StandardCopyOption.ATOMIC_MOVE);
            }
            return found;
          });
    } finally {
      deleteQuietly(partial);
    }
  }

  // Counted as it comes: what a server says of an object's size may be wrong.
  private static void copy(InputStream in, OutputStream out, String key, long mostBytes)
      throws IOException {
    byte[] buffer = new byte[1 << 16];
    long copied = 0;
    for (int read; (read = in.read(buffer)) >= 0; ) {
      copied += read;
      if (copied > mostBytes) {
        throw new ObjectCorruptException(
            "Cannot read object '%s': it has more than %d bytes (atelier.sources.archive-bytes)."
                .formatted(key, mostBytes));
      }
      out.write(buffer, 0, read);
    }
  }

  // A rename may reach the disk before the content does.
  private static void force(Path file) throws IOException {
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
      channel.force(true);
    }
  }

  private static void deleteQuietly(Path file) {
    try {
      Files.deleteIfExists(file);
    } catch (IOException e) {
      file.toFile().deleteOnExit(); // a leftover partial file is harmless: it is never read
    }
  }

  public boolean exists(String key) {
    return askFor(
            "look up object",
            key,
            () -> client.statObject(StatObjectArgs.builder().bucket(bucket).object(key).build()))
        .isPresent();
  }

  /**
   * An object that is listed.
   *
   * @param entityTag another one when the object is
   */
  public record Listed(String key, long bytes, Instant modified, String entityTag) {

    private static Listed of(Item item) {
      return new Listed(
          item.objectName(), item.size(), item.lastModified().toInstant(), item.etag());
    }
  }

  /** Keys below {@code prefix}, at any depth. */
  public List<String> list(String prefix) {
    List<String> keys = new ArrayList<>();
    list(prefix, object -> keys.add(object.key()));
    return keys;
  }

  /** Tells of every object below a prefix, in order of keys, without holding them all. */
  public void list(String prefix, Consumer<Listed> each) {
    ask(
        "list objects below",
        prefix,
        () -> {
          for (Result<Item> item :
              client.listObjects(
                  ListObjectsArgs.builder()
                      .bucket(bucket)
                      .prefix(prefix)
                      .recursive(true)
                      .build())) {
            each.accept(Listed.of(item.get()));
          }
          return prefix;
        });
  }

  /**
   * Tells of every object whose key comes after one, in the order of the keys' bytes, for as long
   * as {@code each} says so; whether there are no more.
   *
   * @param after empty: from the first one
   */
  public boolean listAfter(String after, Predicate<Listed> each) {
    return ask(
        "list objects after",
        after,
        () -> {
          for (Result<Item> item :
              client.listObjects(
                  ListObjectsArgs.builder()
                      .bucket(bucket)
                      .startAfter(after)
                      .recursive(true)
                      .build())) {
            if (!each.test(Listed.of(item.get()))) {
              return false;
            }
          }
          return true;
        });
  }

  /**
   * Objects of any bucket of the server below {@code prefix}, at any depth.
   *
   * @throws ObjectCorruptException if there is no such bucket, or more than {@code most} objects
   */
  public List<Listed> listForeign(String foreignBucket, String prefix, long most) {
    List<Listed> objects = new ArrayList<>();
    ListObjectsArgs asked =
        ListObjectsArgs.builder().bucket(foreignBucket).prefix(prefix).recursive(true).build();
    return askFor(
            "list objects below",
            prefix,
            () -> {
              for (Result<Item> item : foreign.listObjects(asked)) {
                Listed object = Listed.of(item.get());
                if (objects.size() >= most) {
                  throw new ObjectCorruptException(
                      "Cannot list objects below '%s': there are more than %d (atelier.sources.archive-entries, and the heap's room)."
                          .formatted(prefix, most));
                }
                objects.add(object);
              }
              return objects;
            })
        .orElseThrow(
            () ->
                new ObjectCorruptException(
                    "Cannot list objects below '%s': there is no bucket '%s'."
                        .formatted(prefix, foreignBucket)));
  }

  /** Removes an object; nothing happens if there is none. */
  public void delete(String key) {
    RemoveObjectArgs object = RemoveObjectArgs.builder().bucket(bucket).object(key).build();
    ask(
        "delete object",
        key,
        () -> {
          client.removeObject(object);
          return key;
        });
  }

  /** What the server is asked for. */
  private interface Question<T> {
    T ask() throws MinioException, IOException;
  }

  /** The answer; empty: there is no such object or bucket. */
  private <T> Optional<T> askFor(String what, String key, Question<T> question) {
    return ask(
        what,
        key,
        () -> {
          try {
            return Optional.of(question.ask());
          } catch (ErrorResponseException e) {
            if (isAbsent(e)) {
              return Optional.empty();
            }
            throw e;
          }
        });
  }

  private static boolean isAbsent(ErrorResponseException e) {
    return ABSENT.contains(e.errorResponse().code());
  }

  // An IllegalStateException wraps a refused connection, a ProviderException is of the keys: they
  // are asked for here first, as the client loses the reason why there are none.
  private <T> T ask(String what, String key, Question<T> question) {
    try {
      keys.provider().fetch();
      return question.ask();
    } catch (MinioException | IOException | IllegalStateException | ProviderException e) {
      Metrics.counter("atelier.store.errors", "store", "s3", "operation", what).increment();
      throw new StoreUnavailableException(
          "Cannot %s '%s' in the object store: %s".formatted(what, key, e.getMessage()), e);
    }
  }
}
