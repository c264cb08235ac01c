package dev.atelier.diffusion;

import dev.atelier.spec.EvaluationSpec.SamplerSpec;
import java.nio.FloatBuffer;
import java.util.function.DoubleSupplier;

/**
 * A reverse process: moves a noisy image towards the clean one, one step per prediction.
 *
 * <p>Every sampler clips the predicted x0 to [-1, 1], the range of pixels, unless the spec says
 * not.
 */
public interface Sampler {

  /** The sampler that a spec asks for. */
  static Sampler of(SamplerSpec spec, NoiseSchedule schedule) {
    return switch (spec.kind()) {
      case DDPM -> new DdpmSampler(schedule, spec.clip());
      case DDIM -> new DdimSampler(schedule, spec.eta(), spec.clip());
      case DPM_SOLVER_PLUS_PLUS -> new DpmSolverSampler(schedule, spec.clip());
    };
  }

  /**
   * Begins the way of one image from noise to clean.
   *
   * @param elements of the image, C·H·W
   */
  Trajectory begin(int elements);

  /**
   * The way of one image. It knows predictions, not models: when another model takes over at a
   * step, nothing else changes.
   */
  interface Trajectory {
    /**
     * Moves the image from t to s, in place.
     *
     * @param x the image at t, [C·H·W]; holds the image at s afterwards
     * @param x0 the clean image that the model predicts, laid out as {@code x}
     * @param eps the noise that it predicts, which with {@code x0} makes {@code x}
     * @param s the next timestep, or -1 for the clean image
     * @param noise standard normal; asked once per element in order, by steps that add noise
     */
    void step(FloatBuffer x, double[] x0, double[] eps, int t, int s, DoubleSupplier noise);
  }

  /** A predicted pixel, clipped to its range if {@code wanted}. */
  static double clip(double x0, boolean wanted) {
    return wanted ? Math.max(-1, Math.min(1, x0)) : x0;
  }
}
