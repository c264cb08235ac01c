package dev.atelier.local;

import dev.atelier.deploy.Programs;
import dev.atelier.workflows.connection.TemporalConnection;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.io.OutputStream;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.sql.Connection;
import java.sql.Statement;
import java.util.List;
import java.util.Optional;
import okhttp3.tls.HandshakeCertificates;
import okhttp3.tls.HeldCertificate;
import org.gaul.s3proxy.S3Proxy;
import org.gaul.s3proxy.auth.AuthenticationType;
import org.gaul.s3proxy.nio2blob.FilesystemNio2BlobStore;

/**
 * Postgres, an S3 server and the real Temporal that refuse plain text; Temporal asks for the
 * client's certificate too, Postgres for a password.
 */
final class SecuredServers implements AutoCloseable {

  static final String S3_ACCESS_KEY = "atelier";
  static final String BUCKET = "atelier";

  final Path caFile;
  final Path clientCertificate;
  final Path clientKey;

  private final EmbeddedPostgres postgres;
  private final S3Proxy s3;
  private final DataDirectory directoryOfTemporal;
  private final Supervisor supervisor;
  private final TlsProxy temporal;

  SecuredServers(Path directory, String postgresPassword, String s3SecretKey) throws Exception {
    HeldCertificate authority = new HeldCertificate.Builder().certificateAuthority(0).build();
    HeldCertificate server =
        new HeldCertificate.Builder()
            .signedBy(authority)
            .addSubjectAlternativeName("localhost")
            .addSubjectAlternativeName("127.0.0.1")
            .build();
    HeldCertificate client = new HeldCertificate.Builder().signedBy(authority).build();
    caFile = write(directory, "ca.pem", authority.certificatePem());
    clientCertificate = write(directory, "client.pem", client.certificatePem());
    clientKey = write(directory, "client.key", client.privateKeyPkcs8Pem());
    Path certificate = write(directory, "server.pem", server.certificatePem());
    Path key = write(directory, "server.key", server.privateKeyPkcs8Pem());

    postgres = postgres(directory.resolve("postgres"), certificate, key, postgresPassword);
    s3 = s3(directory, server, s3SecretKey);
    directoryOfTemporal = DataDirectory.open(directory.resolve("temporal"));
    supervisor = new Supervisor(directoryOfTemporal, notice -> {});
    supervisor.prepare();
    int port = Ports.anyFree();
    supervisor.start(
        List.of(
            new TemporalService(
                Programs.find("temporal"),
                directoryOfTemporal,
                port,
                Ports.HOST,
                Ports.anyFree())));
    temporal =
        new TlsProxy(
            new HandshakeCertificates.Builder()
                .heldCertificate(server)
                .addTrustedCertificate(authority.certificate())
                .build()
                .sslContext(),
            port);
  }

  private static Path write(Path directory, String name, String content) throws IOException {
    Path file = Files.writeString(directory.resolve(name), content);
    // Postgres refuses a key that others may read.
    return Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-------"));
  }

  private static EmbeddedPostgres postgres(Path data, Path certificate, Path key, String password)
      throws Exception {
    EmbeddedPostgres postgres =
        EmbeddedPostgres.builder()
            .setDataDirectory(data)
            .setServerConfig("ssl", "on")
            .setServerConfig("ssl_cert_file", certificate.toString())
            .setServerConfig("ssl_key_file", key.toString())
            .start();
    try (Connection connection = postgres.getPostgresDatabase().getConnection();
        Statement statement = connection.createStatement()) {
      statement.execute("alter user postgres password '%s'".formatted(password));
      Files.writeString(
          data.resolve("pg_hba.conf"), "hostssl all all 127.0.0.1/32 scram-sha-256\n");
      statement.execute("select pg_reload_conf()");
    }
    return postgres;
  }

  private static S3Proxy s3(Path directory, HeldCertificate server, String secretKey)
      throws Exception {
    KeyStore keys = KeyStore.getInstance("PKCS12");
    keys.load(null, null);
    keys.setKeyEntry(
        "s3",
        server.keyPair().getPrivate(),
        "password".toCharArray(),
        new Certificate[] {server.certificate()});
    Path file = directory.resolve("s3.p12");
    try (OutputStream out = Files.newOutputStream(file)) {
      keys.store(out, "password".toCharArray());
    }
    Path objects = Files.createDirectories(directory.resolve("s3"));
    FilesystemNio2BlobStore store = new FilesystemNio2BlobStore(objects.toString());
    store.createContainer(BUCKET);
    S3Proxy proxy =
        S3Proxy.builder()
            .blobStore(store)
            .secureEndpoint(URI.create("https://127.0.0.1:0"))
            .keyStore(file.toString(), "password")
            .awsAuthentication(AuthenticationType.AWS_V2_OR_V4, S3_ACCESS_KEY, secretKey)
            .ignoreUnknownHeaders(true)
            .build();
    proxy.start();
    return proxy;
  }

  /** Without TLS. */
  String postgresAddress() {
    return "jdbc:postgresql://127.0.0.1:%d/postgres".formatted(postgres.getPort());
  }

  String postgresUrl(Path authority) {
    return "%s?sslmode=verify-full&sslrootcert=%s".formatted(postgresAddress(), authority);
  }

  String s3Endpoint() {
    return "https://127.0.0.1:" + s3.getSecurePort();
  }

  String temporalTarget() {
    return "127.0.0.1:" + temporal.port();
  }

  TemporalConnection temporalConnection() {
    return new TemporalConnection(
        temporalTarget(),
        true,
        Optional.of(caFile),
        Optional.of(clientCertificate),
        Optional.of(clientKey),
        Optional.empty(),
        Optional.empty());
  }

  void stopS3() throws Exception {
    s3.stop();
  }

  @Override
  public void close() throws IOException {
    temporal.close();
    try {
      supervisor.close();
      directoryOfTemporal.close();
      s3.stop();
    } catch (Exception e) { // they declare no narrower type
      throw new IOException("A server does not stop.", e);
    } finally {
      postgres.close();
    }
  }
}
