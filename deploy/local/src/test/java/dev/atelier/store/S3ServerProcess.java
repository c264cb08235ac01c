package dev.atelier.store;

import dev.atelier.store.objects.ObjectStore;
import dev.atelier.store.objects.StoreUnavailableException;
import java.io.File;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** An S3 server as a process on a free loopback port, ended by {@link #close}. */
public record S3ServerProcess(Process process, String endpoint, ObjectStore store)
    implements AutoCloseable {

  public static final String USER = "contract-user";
  public static final String PASSWORD = "contract-password";
  public static final String BUCKET = "contract";

  /** The local stack's own server. */
  public static S3ServerProcess s3Proxy(Path directory) throws Exception {
    String endpoint = "http://127.0.0.1:" + freePort();
    return start(
        List.of(
            ProcessHandle.current().info().command().orElse("java"),
            "-cp",
            System.getProperty("java.class.path"),
            "dev.atelier.local.S3Server"),
        Map.of(
            "ATELIER_S3_DIRECTORY", directory.resolve("s3").toString(),
            "ATELIER_S3_ENDPOINT", endpoint,
            "ATELIER_S3_ACCESS_KEY", USER,
            "ATELIER_S3_SECRET_KEY", PASSWORD,
            "ATELIER_S3_BUCKET", BUCKET),
        endpoint,
        directory);
  }

  /** A real MinIO. */
  static S3ServerProcess minio(String program, Path directory) throws Exception {
    return minio(program, directory, Map.of());
  }

  /** A real MinIO with more variables. */
  public static S3ServerProcess minio(String program, Path directory, Map<String, String> variables)
      throws Exception {
    Map<String, String> environment = new HashMap<>(variables);
    environment.putAll(Map.of("MINIO_ROOT_USER", USER, "MINIO_ROOT_PASSWORD", PASSWORD));
    URI endpoint = URI.create("http://127.0.0.1:" + freePort());
    return start(
        List.of(
            program,
            "server",
            directory.resolve("minio").toString(),
            "--address",
            endpoint.getAuthority(),
            "--console-address",
            "127.0.0.1:" + freePort()),
        environment,
        endpoint.toString(),
        directory);
  }

  /** A real VersityGW, the S3 server of {@code docker-compose.yml}. */
  public static S3ServerProcess versityGw(String program, Path directory) throws Exception {
    URI endpoint = URI.create("http://127.0.0.1:" + freePort());
    Path data = directory.resolve("versitygw");
    // It refuses to make a bucket in us-east-1 for MinIO's client, as AWS does; a folder is one.
    Files.createDirectories(data.resolve(BUCKET));
    return start(
        List.of(program, "--port", endpoint.getAuthority(), "posix", data.toString()),
        Map.of("ROOT_ACCESS_KEY", USER, "ROOT_SECRET_KEY", PASSWORD),
        endpoint.toString(),
        directory);
  }

  private static S3ServerProcess start(
      List<String> command, Map<String, String> environment, String endpoint, Path directory)
      throws Exception {
    ProcessBuilder builder = new ProcessBuilder(command);
    builder.environment().putAll(environment);
    File log = directory.resolve("server.log").toFile();
    Process process = builder.redirectErrorStream(true).redirectOutput(log).start();
    ObjectStore store = storeAt(endpoint);
    S3ServerProcess server = new S3ServerProcess(process, endpoint, store);
    try {
      server.awaitBucket(log);
      return server;
    } catch (RuntimeException | InterruptedException e) {
      server.close();
      throw e;
    }
  }

  /** The store of a server that another process has started. */
  public static ObjectStore storeAt(String endpoint) {
    return new ObjectStore(endpoint, USER, PASSWORD, BUCKET);
  }

  private void awaitBucket(File log) throws InterruptedException {
    while (true) {
      try {
        store.ensureBucket();
        return;
      } catch (StoreUnavailableException e) {
        if (!process.isAlive()) {
          throw new IllegalStateException("The S3 server ended; its log is " + log + ".", e);
        }
        Thread.sleep(100);
      }
    }
  }

  private static int freePort() throws IOException {
    try (java.net.ServerSocket socket =
        new java.net.ServerSocket(0, 1, java.net.InetAddress.getLoopbackAddress())) {
      return socket.getLocalPort();
    }
  }

  @Override
  public void close() {
    process.destroy();
    process.onExit().join();
  }
}
