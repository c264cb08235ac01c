package dev.atelier.worker;

import org.eclipse.microprofile.config.spi.Converter;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Reads a number of threads, at most one for each processor that this process may use: more wait
 * for each other at every barrier. The processors are those of the container's quota, where it has
 * one.
 */
public final class UsableThreads implements Converter<Integer> {
  private static final long serialVersionUID = 1;
  private static final Logger LOG = LoggerFactory.getLogger(UsableThreads.class);

  /**
   * {@inheritDoc}
   *
   * @throws IllegalArgumentException if it is no number, or below 1
   */
  @Override
  public Integer convert(String value) {
    int threads = Integer.parseInt(value.strip());
    if (threads < 1) {
      throw new IllegalArgumentException(
          "atelier.worker.threads: found %d, expected 1 or more".formatted(threads));
    }
    int processors = Runtime.getRuntime().availableProcessors();
    if (threads > processors) {
      LOG.warn(
          "atelier.worker.threads is {}, and this process may use {} processors: it takes as many"
              + " threads.",
          threads,
          processors);
    }
    return Math.min(threads, processors);
  }
}
