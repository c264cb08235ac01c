package dev.atelier.diffusion;

import dev.atelier.spec.EvaluationSpec.SamplerSpec;
import java.nio.FloatBuffer;
import java.util.List;
import java.util.function.DoubleSupplier;
import java.util.stream.IntStream;

/**
 * A reverse process: moves a noisy image towards the clean one, by what models predict.
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
      case HEUN -> new HeunSampler(schedule, spec.clip());
      case EULER -> new EulerSampler(schedule, spec.clip());
      case PNDM -> new PndmSampler(schedule, spec.clip());
      case PLMS -> new PlmsSampler(schedule, spec.clip());
    };
  }

  /**
   * A model is asked about the image at t, and its answer takes the image to s: to the next
   * timestep (-1: it is clean), or once more to the same, where a first guess of it is corrected.
   */
  record Evaluation(int t, int s) {}

  /** What is asked, in order: once for each step of the plan. */
  default List<Evaluation> evaluations(SamplerPlan plan) {
    return IntStream.range(0, plan.size())
        .mapToObj(k -> new Evaluation(plan.timesteps().get(k), plan.next(k)))
        .toList();
  }

  /** How many numbers a trajectory remembers of each pixel. */
  default int remembered() {
    return 1;
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
     * Takes an evaluation's answer, and moves the image to its s, in place.
     *
     * @param x the image at t, [C·H·W]; holds the image at s afterwards
     * @param x0 the clean image that the model predicts, laid out as {@code x}
     * @param eps the noise that it predicts, which with {@code x0} makes {@code x}
     * @param s the timestep that it is taken to, or -1 for the clean image
     * @param noise standard normal; asked once per element in order, by steps that add noise
     */
    void step(FloatBuffer x, double[] x0, double[] eps, int t, int s, DoubleSupplier noise);
  }

  /** A predicted pixel, clipped to its range if {@code wanted}. */
  static double clip(double x0, boolean wanted) {
    return wanted ? Math.max(-1, Math.min(1, x0)) : x0;
  }
}
