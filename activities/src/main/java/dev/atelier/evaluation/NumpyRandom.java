package dev.atelier.evaluation;

/**
 * NumPy's {@code RandomState}: the Mersenne Twister MT19937 (Matsumoto &amp; Nishimura 1998) and
 * its shuffle, so that subsets are the ones that torch-fidelity draws.
 */
final class NumpyRandom {

  private static final int STATE = 624;
  private static final int MIDDLE = 397;

  private final int[] state = new int[STATE];
  private int next = STATE;

  /** As {@code numpy.random.RandomState(seed)}, seed in [0, 2^32). */
  NumpyRandom(long seed) {
    state[0] = (int) seed;
    for (int i = 1; i < STATE; i++) {
      state[i] = 1812433253 * (state[i - 1] ^ (state[i - 1] >>> 30)) + i;
    }
  }

  /** As {@code permutation(n)}. */
  int[] permutation(int n) {
    int[] order = new int[n];
    for (int i = 0; i < n; i++) {
      order[i] = i;
    }
    for (int i = n - 1; i > 0; i--) {
      int j = below(i);
      int swapped = order[i];
      order[i] = order[j];
      order[j] = swapped;
    }
    return order;
  }

  /** Uniform over [0, max], by masking and rejection. */
  private int below(int max) {
    int mask = -1 >>> Integer.numberOfLeadingZeros(max);
    int value;
    do {
      value = bits() & mask;
    } while (value > max);
    return value;
  }

  private int bits() {
    if (next == STATE) {
      twist();
    }
    int y = state[next++];
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return y ^ (y >>> 18);
  }

  private void twist() {
    for (int i = 0; i < STATE; i++) {
      int y = (state[i] & 0x80000000) | (state[(i + 1) % STATE] & 0x7fffffff);
      state[i] = state[(i + MIDDLE) % STATE] ^ (y >>> 1) ^ ((y & 1) == 0 ? 0 : 0x9908b0df);
    }
    next = 0;
  }
}
