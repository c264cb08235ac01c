package dev.atelier.api.store;

import dev.atelier.api.AtelierConfig;
import dev.atelier.store.objects.ObjectStore;
import dev.atelier.store.objects.StoreSettings;
import dev.atelier.workflows.connection.CertificateAuthority;
import io.quarkus.runtime.StartupEvent;
import jakarta.annotation.Priority;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.event.Observes;
import jakarta.enterprise.inject.Produces;
import jakarta.inject.Singleton;
import java.net.URI;
import javax.sql.DataSource;
import org.jdbi.v3.core.Jdbi;
import org.jdbi.v3.postgres.PostgresPlugin;

/** The clients of the database and the object store. */
@ApplicationScoped
class StoreProducer {

  @Produces
  @Singleton
  Jdbi jdbi(DataSource database) {
    return Jdbi.create(database).installPlugin(new PostgresPlugin());
  }

  @Produces
  @Singleton
  ObjectStore objects(AtelierConfig config) {
    AtelierConfig.S3 s3 = config.s3();
    return new ObjectStore(
        new StoreSettings(
            s3.endpoint().toString(),
            s3.publicEndpoint().map(URI::toString),
            s3.bucket(),
            s3.region(),
            s3.accessKey(),
            s3.secretKey(),
            s3.caFile()
                .map(
                    file -> CertificateAuthority.read("atelier.s3.ca-file", file).trustManager())));
  }

  /** Makes the store at the start, so that settings that it refuses end it. */
  void open(@Observes @Priority(2) StartupEvent start, ObjectStore store) {}
}
