package dev.atelier.api.store;

import dev.atelier.api.AtelierConfig;
import dev.atelier.api.problem.ProblemException;
import dev.atelier.api.problem.ProblemType;
import io.micrometer.core.instrument.Metrics;
import io.minio.GetObjectArgs;
import io.minio.GetPresignedObjectUrlArgs;
import io.minio.Http;
import io.minio.ListObjectsArgs;
import io.minio.MinioClient;
import io.minio.RemoveObjectArgs;
import io.minio.Result;
import io.minio.errors.ErrorResponseException;
import io.minio.errors.MinioException;
import io.minio.messages.Item;
import jakarta.enterprise.context.ApplicationScoped;
import java.io.InputStream;
import java.net.URI;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Predicate;

/** Reads the objects that workers wrote, and removes those that nothing refers to. */
@ApplicationScoped
public class ObjectStore {

  private static final Duration LONGEST = Duration.ofDays(7); // that S3 allows a signature

  private final MinioClient client;
  private final Optional<MinioClient> links;
  private final AtelierConfig.S3 config;

  ObjectStore(MinioClient client, AtelierConfig config) {
    this.client = client;
    this.config = config.s3();
    this.links =
        this.config
            .publicEndpoint()
            .map(
                endpoint ->
                    MinioClient.builder()
                        .endpoint(endpoint.toString())
                        .region(this.config.region())
                        .credentials(this.config.accessKey(), this.config.secretKey())
                        .build());
  }

  /** A URL that needs no credentials, and the last moment when it works. */
  public record Link(URI href, Instant expiresAt) {}

  /**
   * Signs a URL of an object; the store is not asked, not even whether there is one.
   *
   * @throws ProblemException 409 where it is not known how users reach the store
   */
  public Link link(String key) {
    MinioClient signer =
        links.orElseThrow(
            () ->
                new ProblemException(
                    ProblemType.NO_PUBLIC_STORE,
                    "No link to the object store can be given, as atelier.s3.public-endpoint does not say under which address users reach it: download the file from here, or have the setting made."));
    Duration validity =
        config.linkValidity().compareTo(LONGEST) > 0 ? LONGEST : config.linkValidity();
    Instant expiresAt = Instant.now().plus(validity);
    try {
      return new Link(
          URI.create(
              signer.getPresignedObjectUrl(
                  GetPresignedObjectUrlArgs.builder()
                      .method(Http.Method.GET)
                      .bucket(config.bucket())
                      .object(key)
                      .expiry(Math.toIntExact(validity.toSeconds()))
                      .build())),
          expiresAt);
    } catch (MinioException e) {
      throw unavailable(e);
    }
  }

  /** Opens an object; empty: there is none. Throws {@link StoreUnavailableException}. */
  public Optional<InputStream> open(String key) {
    try {
      return Optional.of(
          client.getObject(GetObjectArgs.builder().bucket(config.bucket()).object(key).build()));
    } catch (ErrorResponseException e) {
      String code = e.errorResponse().code();
      if (code.equals("NoSuchKey") || code.equals("NoSuchBucket")) {
        return Optional.empty();
      }
      throw unavailable(e);
    } catch (MinioException | IllegalStateException e) { // the latter wraps a refused connection
      throw unavailable(e);
    }
  }

  /** An object without its content. */
  public record Listed(String key, long bytes, Instant modified) {}

  /** Tells of every object below a prefix, in order of keys, without holding them all. */
  public void list(String prefix, Consumer<Listed> each) {
    try {
      for (Result<Item> result :
          client.listObjects(
              ListObjectsArgs.builder()
                  .bucket(config.bucket())
                  .prefix(prefix)
                  .recursive(true)
                  .build())) {
        each.accept(listed(result.get()));
      }
    } catch (MinioException | IllegalStateException e) {
      throw unavailable(e);
    }
  }

  /**
   * Tells of every object whose key comes after one, in the order of the keys' bytes, for as long
   * as {@code each} says so; whether there are no more.
   *
   * @param after empty: from the first one
   */
  public boolean listAfter(String after, Predicate<Listed> each) {
    try {
      for (Result<Item> result :
          client.listObjects(
              ListObjectsArgs.builder()
                  .bucket(config.bucket())
                  .startAfter(after)
                  .recursive(true)
                  .build())) {
        if (!each.test(listed(result.get()))) {
          return false;
        }
      }
      return true;
    } catch (MinioException | IllegalStateException e) {
      throw unavailable(e);
    }
  }

  private static Listed listed(Item item) {
    return new Listed(item.objectName(), item.size(), item.lastModified().toInstant());
  }

  /** Removes an object; nothing happens if there is none. */
  public void remove(String key) {
    try {
      client.removeObject(RemoveObjectArgs.builder().bucket(config.bucket()).object(key).build());
    } catch (MinioException | IllegalStateException e) {
      throw unavailable(e);
    }
  }

  private StoreUnavailableException unavailable(Exception cause) {
    Metrics.counter("atelier.store.errors", "store", "s3", "operation", "read object").increment();
    return new StoreUnavailableException(
        "The object store cannot be read at %s.".formatted(config.endpoint()), cause);
  }
}
