package dev.atelier.api.store;

import dev.atelier.api.AtelierConfig;
import dev.atelier.workflows.connection.CertificateAuthority;
import io.minio.Http;
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
    MinioClient.Builder client =
        MinioClient.builder()
            .endpoint(s3.endpoint().toString())
            .region(s3.region())
            .credentials(s3.accessKey(), s3.secretKey());
    s3.caFile()
        .map(file -> CertificateAuthority.read("atelier.s3.ca-file", file))
        .ifPresent(
            authority ->
                client.httpClient(
                    Http.newDefaultClient()
                        .newBuilder()
                        .sslSocketFactory(authority.socketFactory(), authority.trustManager())
                        .build(),
                    true));
    return client.build();
  }
}
