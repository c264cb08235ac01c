package dev.atelier.local;

import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/** How the api and the workers reach the other servers. */
record Connections(
    String temporalTarget,
    String postgresUrl,
    String postgresUser,
    String s3Endpoint,
    DataDirectory.Credentials credentials,
    Optional<Path> codecKeys) {

  static final String CODEC_KEYS = "ATELIER_TEMPORAL_CODEC_KEYS_FILE";

  /** The part of the environment that the api and the workers share; sources may lie anywhere. */
  Map<String, String> environment() {
    Map<String, String> environment = new HashMap<>(servers());
    codecKeys.ifPresent(
        file -> environment.put(CODEC_KEYS, file.toAbsolutePath().normalize().toString()));
    return environment;
  }

  private Map<String, String> servers() {
    return Map.of(
        "ATELIER_TEMPORAL_TARGET",
        temporalTarget,
        "ATELIER_S3_ENDPOINT",
        s3Endpoint,
        "ATELIER_S3_ACCESS_KEY",
        credentials.s3AccessKey(),
        "ATELIER_S3_SECRET_KEY",
        credentials.s3SecretKey(),
        "ATELIER_S3_BUCKET",
        S3Service.BUCKET,
        "ATELIER_SOURCES_DIRECTORIES",
        "/",
        "ATELIER_SOURCES_PRIVATE_ADDRESSES",
        "true",
        "ATELIER_WEBHOOKS_PRIVATE_ADDRESSES",
        "true",
        "ATELIER_SOURCES_BUCKETS",
        "*");
  }
}
