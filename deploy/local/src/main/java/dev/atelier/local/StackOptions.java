package dev.atelier.local;

import java.nio.file.Path;

/**
 * What a local stack consists of.
 *
 * @param workers processes that train, one model at a time each
 * @param threadsPerWorker of libtorch
 * @param access whom the API answers
 */
public record StackOptions(
    Path dataDirectory, Ports ports, int workers, int threadsPerWorker, ApiAccess access) {}
