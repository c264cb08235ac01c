package dev.atelier.diffusion;

import java.nio.FloatBuffer;

/**
 * A prediction that is led on from the one without a text or class. Ho & Salimans 2022, eq. 6, as
 * diffusers counts w: at 1 it is the prediction with it.
 */
public final class GuidedPrediction {

  private GuidedPrediction() {}

  /** Whether {@code w} asks for a prediction without. */
  public static boolean isAskedFor(double w) {
    return w > 1;
  }

  /**
   * without + w (with − without).
   *
   * @param without [n]
   * @param with [n], laid out as that
   */
  public static FloatBuffer of(FloatBuffer without, FloatBuffer with, double w) {
    FloatBuffer led = FloatBuffer.allocate(with.limit());
    for (int i = 0; i < led.limit(); i++) {
      float start = without.get(i);
      led.put(i, (float) (start + w * (with.get(i) - start)));
    }
    return led;
  }
}
