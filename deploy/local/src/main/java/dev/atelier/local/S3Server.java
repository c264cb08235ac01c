package dev.atelier.local;

import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import org.gaul.s3proxy.S3Proxy;
import org.gaul.s3proxy.auth.AuthenticationType;
import org.gaul.s3proxy.nio2blob.FilesystemNio2BlobStore;

/** An S3 server on a folder, with one bucket; a program of its own. */
public final class S3Server {

  static final String DIRECTORY = "ATELIER_S3_DIRECTORY";
  static final String ENDPOINT = "ATELIER_S3_ENDPOINT";
  static final String ACCESS_KEY = "ATELIER_S3_ACCESS_KEY";
  static final String SECRET_KEY = "ATELIER_S3_SECRET_KEY";
  static final String BUCKET = "ATELIER_S3_BUCKET";

  private static final int THREADS = 32;

  private S3Server() {}

  public static void main(String[] args) throws Exception {
    Path directory = Files.createDirectories(Path.of(System.getenv(DIRECTORY)));
    FilesystemNio2BlobStore store = new FilesystemNio2BlobStore(directory.toString());
    String bucket = System.getenv(BUCKET);
    if (!store.containerExists(bucket)) {
      store.createContainer(bucket);
    }
    S3Proxy proxy =
        S3Proxy.builder()
            .blobStore(store)
            .endpoint(URI.create(System.getenv(ENDPOINT)))
            .awsAuthentication(
                AuthenticationType.AWS_V2_OR_V4,
                System.getenv(ACCESS_KEY),
                System.getenv(SECRET_KEY))
            .ignoreUnknownHeaders(true)
            .jettyMaxThreads(THREADS)
            .build();
    proxy.start(); // its threads keep the program alive
  }
}
