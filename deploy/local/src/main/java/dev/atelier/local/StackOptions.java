package dev.atelier.local;

import java.nio.file.Path;
import java.util.Optional;

/**
 * What a local stack consists of.
 *
 * @param workers processes that train, one model at a time each
 * @param threadsPerWorker of libtorch
 * @param temporal the {@code temporal} program; empty: Temporal runs in memory
 * @param access whom the API answers
 * @param codecKeys file of the keys that encrypt what workflows hold; empty: nothing does
 */
public record StackOptions(
    Path dataDirectory,
    Ports ports,
    int workers,
    int threadsPerWorker,
    Optional<Path> temporal,
    ApiAccess access,
    ApiProgram api,
    Optional<Path> codecKeys) {}
