package dev.atelier.local;

import dev.atelier.store.objects.ObjectStore;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;

/** The S3 server; its objects are files below {@code s3} of the data folder. */
final class S3Service implements Service {

  static final String BUCKET = "atelier";

  private final Path directory;
  private final int port;
  private final DataDirectory.Credentials credentials;
  private final ObjectStore store;

  S3Service(DataDirectory directory, int port, DataDirectory.Credentials credentials) {
    this.directory = directory.root().resolve("s3");
    this.port = port;
    this.credentials = credentials;
    this.store =
        new ObjectStore(endpoint(), credentials.s3AccessKey(), credentials.s3SecretKey(), BUCKET);
  }

  @Override
  public String name() {
    return "s3";
  }

  @Override
  public Launch launch() {
    return new Launch(
        JavaChild.own(S3Server.class, "256m"),
        Map.of(
            S3Server.DIRECTORY, directory.toString(),
            S3Server.ENDPOINT, endpoint(),
            S3Server.ACCESS_KEY, credentials.s3AccessKey(),
            S3Server.SECRET_KEY, credentials.s3SecretKey(),
            S3Server.BUCKET, BUCKET));
  }

  @Override
  public void probe() throws Exception {
    if (!store.hasBucket()) {
      throw new IOException("bucket '%s' is missing".formatted(BUCKET));
    }
  }

  String endpoint() {
    return "http://%s:%d".formatted(Ports.HOST, port);
  }
}
