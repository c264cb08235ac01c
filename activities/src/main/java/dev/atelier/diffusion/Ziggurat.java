package dev.atelier.diffusion;

/**
 * The ziggurat method for the standard normal. Marsaglia and Tsang 2000, with the 128 layers and
 * the independent draws of Doornik 2005. StrictMath throughout: the same numbers on every machine.
 */
final class Ziggurat {
  private static final int LAYERS = 128;
  private static final double R = 3.442619855899; // start of the tail
  private static final double V = 9.91256303526217e-3; // area of each layer
  private static final double[] X = new double[LAYERS + 1]; // right edges, widest first
  private static final double[] RATIO = new double[LAYERS];

  static {
    double f = StrictMath.exp(-0.5 * R * R);
    X[0] = V / f;
    X[1] = R;
    X[LAYERS] = 0;
    for (int i = 2; i < LAYERS; i++) {
      X[i] = StrictMath.sqrt(-2 * StrictMath.log(V / X[i - 1] + f));
      f = StrictMath.exp(-0.5 * X[i] * X[i]);
    }
    for (int i = 0; i < LAYERS; i++) {
      RATIO[i] = X[i + 1] / X[i];
    }
  }

  private Ziggurat() {}

  static double next(SeededRandom.Stream random) {
    while (true) {
      long bits = random.nextLong();
      int layer = (int) (bits & (LAYERS - 1)); // low 7 bits; u uses the upper 53
      double u = 2 * ((bits >>> 11) * 0x1.0p-53) - 1;
      if (Math.abs(u) < RATIO[layer]) {
        return u * X[layer];
      }
      if (layer == 0) {
        return tail(random, u < 0);
      }
      double x = u * X[layer];
      double f0 = StrictMath.exp(-0.5 * (X[layer] * X[layer] - x * x));
      double f1 = StrictMath.exp(-0.5 * (X[layer + 1] * X[layer + 1] - x * x));
      if (f1 + random.nextDouble() * (f0 - f1) < 1.0) {
        return x;
      }
    }
  }

  private static double tail(SeededRandom.Stream random, boolean negative) {
    double x;
    double y;
    do {
      x = StrictMath.log(1 - random.nextDouble()) / R;
      y = StrictMath.log(1 - random.nextDouble());
    } while (-2 * y < x * x);
    return negative ? x - R : R - x;
  }
}
