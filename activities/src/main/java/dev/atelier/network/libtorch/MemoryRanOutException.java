package dev.atelier.network.libtorch;

/** Memory ran out in work whose batch and resolution are named. */
public final class MemoryRanOutException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private MemoryRanOutException(String message, Throwable cause) {
    super(message, cause);
  }

  /** Whether it says that memory, of the machine or a device, ran out. */
  public static boolean isBehind(Throwable failure) {
    return failure instanceof MemoryRanOutException
        || failure instanceof OutOfMemoryError
        || (failure instanceof TorchException && failure.getMessage().contains("memory"));
  }

  /**
   * Runs work; where memory runs out it says in what.
   *
   * @param what such as "Sampling"
   * @param batch samples at once
   * @param side of a sample, in pixels or latents
   * @throws MemoryRanOutException with what, the batch and the resolution in one sentence
   */
  public static void naming(String what, int batch, int side, Runnable work) {
    try {
      work.run();
    } catch (TorchException | OutOfMemoryError e) {
      if (!isBehind(e)) {
        throw e;
      }
      throw of(what, batch, side, e);
    }
  }

  /** For a failure that is known to be of memory; see {@link #naming}. */
  public static MemoryRanOutException of(String what, int batch, int side, Throwable cause) {
    return new MemoryRanOutException(
        "%s ran out of memory with %d samples of %d×%d at once: %s"
            .formatted(what, batch, side, side, cause.getMessage()),
        cause);
  }
}
