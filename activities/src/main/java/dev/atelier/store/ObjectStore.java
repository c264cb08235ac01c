package dev.atelier.store;

import dev.atelier.workflows.connection.CertificateAuthority;
import io.micrometer.core.instrument.Metrics;
import io.minio.BucketExistsArgs;
import io.minio.GetObjectArgs;
import io.minio.Http;
import io.minio.ListObjectsArgs;
import io.minio.MakeBucketArgs;
import io.minio.MinioClient;
import io.minio.PutObjectArgs;
import io.minio.RemoveObjectArgs;
import io.minio.Result;
import io.minio.StatObjectArgs;
import io.minio.UploadObjectArgs;
import io.minio.errors.ErrorResponseException;
import io.minio.errors.MinioException;
import io.minio.messages.Item;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.DigestOutputStream;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * One bucket of an S3 server. Every failure of the server is a {@link StoreUnavailableException}.
 */
public final class ObjectStore {

  private static final String CHANGED = "PreconditionFailed";
  private static final Set<String> ABSENT = Set.of("NoSuchKey", "NoSuchObject", "NoSuchBucket");

  private static final Set<Integer> REFUSALS = Set.of(401, 403);

  private final MinioClient client;
  private final String bucket;

  public ObjectStore(String endpoint, String accessKey, String secretKey, String bucket) {
    this(
        MinioClient.builder().endpoint(endpoint).credentials(accessKey, secretKey).build(), bucket);
  }

  /** Over TLS, on a server whose certificate {@code authority} has signed. */
  public ObjectStore(
      String endpoint,
      String accessKey,
      String secretKey,
      String bucket,
      CertificateAuthority authority) {
    this(
        MinioClient.builder()
            .endpoint(endpoint)
            .credentials(accessKey, secretKey)
            .httpClient(
                Http.newDefaultClient()
                    .newBuilder()
                    .sslSocketFactory(authority.socketFactory(), authority.trustManager())
                    .build(),
                true)
            .build(),
        bucket);
  }

  /** On a client of one's own, with its own transport. */
  ObjectStore(MinioClient client, String bucket) {
    this.client = client;
    this.bucket = bucket;
  }

  /**
   * Makes the bucket when it does not exist yet.
   *
   * @throws StoreRefusedException if the server does not accept the keys, or not for this bucket
   */
  public void ensureBucket() {
    try {
      if (!client.bucketExists(BucketExistsArgs.builder().bucket(bucket).build())) {
        client.makeBucket(MakeBucketArgs.builder().bucket(bucket).build());
      }
    } catch (ErrorResponseException e) {
      if (REFUSALS.contains(e.response().code())) {
        throw new StoreRefusedException(
            "it refuses the bucket '%s' with %d %s"
                .formatted(bucket, e.response().code(), e.errorResponse().code()),
            e);
      }
      throw unavailable("open bucket", bucket, e);
    } catch (MinioException | IllegalStateException e) {
      throw unavailable("open bucket", bucket, e);
    }
  }

  public void put(String key, byte[] content, String contentType) {
    try {
      client.putObject(
          PutObjectArgs.builder()
              .bucket(bucket)
              .object(key)
              .data(content, content.length)
              .contentType(contentType)
              .build());
    } catch (MinioException | IllegalStateException e) {
      throw unavailable("write object", key, e);
    }
  }

  public void put(String key, Path file, String contentType) {
    try {
      client.uploadObject(
          UploadObjectArgs.builder()
              .bucket(bucket)
              .object(key)
              .filename(file.toString())
              .contentType(contentType)
              .build());
    } catch (MinioException | IllegalStateException e) {
      throw unavailable("write object", key, e);
    }
  }

  /** The whole content of a small object, or nothing when it does not exist. */
  public Optional<byte[]> get(String key) {
    try (InputStream in = open(bucket, key)) {
      return Optional.of(in.readAllBytes());
    } catch (ErrorResponseException e) {
      if (ABSENT.contains(e.errorResponse().code())) {
        return Optional.empty();
      }
      throw unavailable("read object", key, e);
    } catch (MinioException | IOException | IllegalStateException e) {
      throw unavailable("read object", key, e);
    }
  }

  /**
   * Copies an object into {@code file}, which appears whole or not at all, also when the machine
   * loses power.
   *
   * @throws ObjectCorruptException if the object is missing or its content is not {@code sha256}
   */
  public void fetch(String key, String sha256, Path file) {
    String found = fetch(bucket, key, file, sha256, Long.MAX_VALUE);
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
    fetch(foreignBucket, key, file, "", mostBytes);
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
    fetch(asked, file, "", mostBytes);
  }

  private String fetch(String from, String key, Path file, String expected, long mostBytes) {
    return fetch(
        GetObjectArgs.builder().bucket(from).object(key).build(), file, expected, mostBytes);
  }

  private String fetch(GetObjectArgs asked, Path file, String expected, long mostBytes) {
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
      Files.createDirectories(file.toAbsolutePath().getParent());
      try (InputStream in = client.getObject(asked);
          OutputStream out = new DigestOutputStream(Files.newOutputStream(partial), digest)) {
        copy(in, out, key, mostBytes);
      }
      String found = Sha256.hex(digest.digest());
      if (expected.isEmpty() || expected.equals(found)) {
        force(partial);
        Files.move(partial, file, StandardCopyOption.ATOMIC_MOVE);
      }
      return found;
    } catch (ErrorResponseException e) {
      if (ABSENT.contains(e.errorResponse().code())) {
        throw new ObjectCorruptException(
            "Cannot read object '%s': it does not exist.".formatted(key));
      }
      if (e.errorResponse().code().equals(CHANGED)) {
        throw new ObjectCorruptException(
            "Cannot read object '%s': it changed after it was listed.".formatted(key));
      }
      throw unavailable("read object", key, e);
    } catch (MinioException | IOException | IllegalStateException e) {
      throw unavailable("read object", key, e);
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
    try {
      client.statObject(StatObjectArgs.builder().bucket(bucket).object(key).build());
      return true;
    } catch (ErrorResponseException e) {
      if (ABSENT.contains(e.errorResponse().code())) {
        return false;
      }
      throw unavailable("look up object", key, e);
    } catch (MinioException | IllegalStateException e) {
      throw unavailable("look up object", key, e);
    }
  }

  /** Keys below {@code prefix}, at any depth. */
  public List<String> list(String prefix) {
    try {
      List<String> keys = new ArrayList<>();
      for (Result<Item> item :
          client.listObjects(
              ListObjectsArgs.builder().bucket(bucket).prefix(prefix).recursive(true).build())) {
        keys.add(item.get().objectName());
      }
      return keys;
    } catch (MinioException | IllegalStateException e) {
      throw unavailable("list objects below", prefix, e);
    }
  }

  /** An object that is listed. */
  public record Listed(String key, long bytes, String entityTag) {}

  /**
   * Objects of any bucket of the server below {@code prefix}, at any depth.
   *
   * @throws ObjectCorruptException if there is no such bucket, or more than {@code most} objects
   */
  public List<Listed> listForeign(String foreignBucket, String prefix, long most) {
    try {
      List<Listed> objects = new ArrayList<>();
      for (Result<Item> result :
          client.listObjects(
              ListObjectsArgs.builder()
                  .bucket(foreignBucket)
                  .prefix(prefix)
                  .recursive(true)
                  .build())) {
        Item item = result.get();
        if (objects.size() >= most) {
          throw new ObjectCorruptException(
              "Cannot list objects below '%s': there are more than %d (atelier.sources.archive-entries, and the heap's room)."
                  .formatted(prefix, most));
        }
        objects.add(new Listed(item.objectName(), item.size(), item.etag()));
      }
      return objects;
    } catch (ErrorResponseException e) {
      if (ABSENT.contains(e.errorResponse().code())) {
        throw new ObjectCorruptException(
            "Cannot list objects below '%s': there is no bucket '%s'."
                .formatted(prefix, foreignBucket));
      }
      throw unavailable("list objects below", prefix, e);
    } catch (MinioException | IllegalStateException e) {
      throw unavailable("list objects below", prefix, e);
    }
  }

  public void delete(String key) {
    try {
      client.removeObject(RemoveObjectArgs.builder().bucket(bucket).object(key).build());
    } catch (MinioException | IllegalStateException e) {
      throw unavailable("delete object", key, e);
    }
  }

  private InputStream open(String from, String key) throws MinioException {
    return client.getObject(GetObjectArgs.builder().bucket(from).object(key).build());
  }

  private static StoreUnavailableException unavailable(String what, String key, Exception cause) {
    Metrics.counter("atelier.store.errors", "store", "s3", "operation", what).increment();
    return new StoreUnavailableException(
        "Cannot %s '%s' in the object store: %s".formatted(what, key, cause.getMessage()), cause);
  }
}
