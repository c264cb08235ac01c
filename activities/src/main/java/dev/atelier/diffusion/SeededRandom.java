package dev.atelier.diffusion;

/**
 * Random numbers without state: every draw is a pure function of (seed, purpose, index, position),
 * so there is nothing to save in a checkpoint and nothing that depends on the batch size.
 */
public final class SeededRandom {

  /** What a draw is for: streams of different purposes are independent. */
  public enum Purpose {
    INITIALISATION(1),
    DATA_ORDER(2),
    FLIP(3),
    TIMESTEP(4),
    NOISE(5),
    DROPOUT(6),
    SAMPLE_XT(7),
    SAMPLE_STEP_NOISE(8),
    RANGE(9),
    LATENT(10),
    CAPTION(11),
    CONDITIONING(12),
    PROMPT(13),
    MERGE_WEIGHTS(15),
    SCHEDULE_SEARCH(16);

    private final long code; // part of every stream: never change one

    Purpose(long code) {
      this.code = code;
    }
  }

  private static final long GOLDEN_GAMMA = 0x9E3779B97F4A7C15L;

  private final long seed;

  public SeededRandom(long seed) {
    this.seed = seed;
  }

  /** The stream of draws for (purpose, index, position). */
  public Stream stream(Purpose purpose, long index, long position) {
    long h = mix(seed + GOLDEN_GAMMA);
    h = mix(h ^ mix(purpose.code));
    h = mix(h ^ mix(index + 0x632BE59BD9B4E019L));
    h = mix(h ^ mix(position + 0xD1B54A32D192ED03L));
    return new Stream(h);
  }

  /** A 63-bit seed for another generator, for (purpose, index). */
  public long seedFor(Purpose purpose, long index) {
    return stream(purpose, index, 0).nextLong() >>> 1;
  }

  /** The permutation of [0, {@code n}) for (purpose, index), by Fisher and Yates. */
  public int[] permutation(Purpose purpose, long index, int n) {
    Stream stream = stream(purpose, index, 0);
    int[] order = new int[n];
    for (int i = 0; i < n; i++) {
      int j = stream.nextInt(i + 1);
      order[i] = order[j];
      order[j] = i;
    }
    return order;
  }

  // Stafford's variant 13 of the 64-bit finaliser, as in SplitMix64 (Steele et al. 2014).
  private static long mix(long z) {
    z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
    z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
    return z ^ (z >>> 31);
  }

  /** One sequence of draws: SplitMix64, and Gaussians by the ziggurat of Marsaglia and Tsang. */
  public static final class Stream {
    private long state;

    private Stream(long state) {
      this.state = state;
    }

    public long nextLong() {
      state += GOLDEN_GAMMA;
      return mix(state);
    }

    /** Uniform in [0, 1) with 53 bits. */
    public double nextDouble() {
      return (nextLong() >>> 11) * 0x1.0p-53;
    }

    /** Uniform in [0, {@code bound}), without modulo bias. */
    public int nextInt(int bound) {
      if (bound <= 0) {
        throw new IllegalArgumentException("A bound must be positive, found %d.".formatted(bound));
      }
      // Lemire 2019 on the upper 32 bits.
      long m = (nextLong() >>> 32) * bound;
      long low = m & 0xFFFFFFFFL;
      if (low < bound) {
        long threshold = (1L << 32) % bound;
        while (low < threshold) {
          m = (nextLong() >>> 32) * bound;
          low = m & 0xFFFFFFFFL;
        }
      }
      return (int) (m >>> 32);
    }

    /** Standard normal. */
    public double nextGaussian() {
      return Ziggurat.next(this);
    }

    /** Fills {@code out[from, from + length)} with standard normals. */
    public void gaussians(float[] out, int from, int length) {
      for (int i = from; i < from + length; i++) {
        out[i] = (float) Ziggurat.next(this);
      }
    }
  }
}
