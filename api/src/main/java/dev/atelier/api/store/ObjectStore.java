package dev.atelier.api.store;

import dev.atelier.api.AtelierConfig;
import io.micrometer.core.instrument.Metrics;
import io.minio.GetObjectArgs;
import io.minio.MinioClient;
import io.minio.errors.ErrorResponseException;
import io.minio.errors.MinioException;
import jakarta.enterprise.context.ApplicationScoped;
import java.io.InputStream;
import java.util.Optional;

/** Reads the objects that workers wrote. */
@ApplicationScoped
public class ObjectStore {

  private final MinioClient client;
  private final AtelierConfig.S3 config;

  ObjectStore(MinioClient client, AtelierConfig config) {
    this.client = client;
    this.config = config.s3();
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

  private StoreUnavailableException unavailable(Exception cause) {
    Metrics.counter("atelier.store.errors", "store", "s3", "operation", "read object").increment();
    return new StoreUnavailableException(
        "The object store cannot be read at %s.".formatted(config.endpoint()), cause);
  }
}
