package dev.atelier.api.store;

import dev.atelier.api.AtelierConfig;
import io.minio.MinioClient;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.inject.Produces;
import jakarta.inject.Singleton;
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
  MinioClient minio(AtelierConfig config) {
    AtelierConfig.S3 s3 = config.s3();
    return MinioClient.builder()
        .endpoint(s3.endpoint().toString())
        .region(s3.region())
        .credentials(s3.accessKey(), s3.secretKey())
        .build();
  }
}
