package dev.atelier.local;

import java.util.Map;

/** How the api and the workers reach the other servers. */
record Connections(
    String temporalTarget,
    String postgresUrl,
    String postgresUser,
    String s3Endpoint,
    DataDirectory.Credentials credentials) {

  /** The part of the environment that the api and the workers share; sources may lie anywhere. */
  Map<String, String> environment() {
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
