package dev.atelier.network.libtorch;

import java.util.function.Supplier;
import java.util.regex.Pattern;

/** Memory ran out in work whose batch and resolution are named. */
public final class MemoryRanOutException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  // libtorch's allocators of a CPU and of CUDA, C++'s own, and CUDA's libraries.
  private static final Pattern SAYS_SO =
      Pattern.compile(
          "can't allocate memory|not enough memory|out of memory|bad_alloc|_ALLOC_FAILED");

  private MemoryRanOutException(String message, Throwable cause) {
    super(message, cause);
  }

  /** Whether it says that memory, of the machine or a device, ran out. */
  public static boolean isBehind(Throwable failure) {
    return failure instanceof MemoryRanOutException
        || failure instanceof OutOfMemoryError
        || (failure instanceof TorchException && saysSo(failure.getMessage()));
  }

  /** Whether a message of libtorch says that memory ran out. */
  static boolean saysSo(String message) {
    return SAYS_SO.matcher(message).find();
  }

  /**
   * Runs work; where memory runs out it says in what.
   *
   * @param what such as "Sampling"
   * @param batch samples at once
   * @param side of a sample, in pixels or latents
   * @throws MemoryRanOutException with what, the batch and the resolution in one sentence
   */
  public static <T> T naming(String what, int batch, int side, Supplier<T> work) {
    return naming(what, samples(batch, side), work);
  }

  /**
   * The same.
   *
   * @param samples such as "64 texts of 77 tokens"
   */
  public static <T> T naming(String what, String samples, Supplier<T> work) {
    try {
      return work.get();
    } catch (TorchException | OutOfMemoryError e) {
      if (!isBehind(e)) {
        throw e;
      }
      throw of(what, samples, e);
    }
  }

  /** For a failure that is known to be of memory; see {@link #naming}. */
  public static MemoryRanOutException of(String what, int batch, int side, Throwable cause) {
    return of(what, samples(batch, side), cause);
  }

  private static MemoryRanOutException of(String what, String samples, Throwable cause) {
    return new MemoryRanOutException(
        "%s ran out of memory with %s at once: %s".formatted(what, samples, cause.getMessage()),
        cause);
  }

  /** For a network that cannot be held, whatever it is asked. */
  static MemoryRanOutException loading(String what, String reason, Throwable cause) {
    return new MemoryRanOutException(
        "Memory ran out when %s was loaded: %s".formatted(what, reason), cause);
  }

  /** As another process has told it. */
  public static MemoryRanOutException told(String sentence) {
    return new MemoryRanOutException(sentence, null);
  }

  private static String samples(int batch, int side) {
    return "%d %s of %d×%d".formatted(batch, batch == 1 ? "sample" : "samples", side, side);
  }
}
