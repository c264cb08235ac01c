package dev.atelier.local;

import java.nio.file.Path;
import java.util.Optional;

/** Where the servers of a running stack are found. */
public record Endpoints(
    String api, // http://host:port
    Optional<String> temporalWebUi,
    String temporalTarget, // host:port
    String postgresUrl, // jdbc:postgresql://…
    String postgresUser,
    String s3Endpoint, // http://host:port
    String s3Bucket,
    Path credentials, // file with the passwords and keys
    Path logs) {}
