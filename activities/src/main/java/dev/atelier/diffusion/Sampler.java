package dev.atelier.diffusion;

import dev.atelier.spec.EvaluationSpec.SamplerSpec;
import dev.atelier.spec.Prediction;
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

  /** For models that predict eps. */
  static Sampler of(SamplerSpec spec, NoiseSchedule forward) {
    return of(spec, forward, Prediction.EPS);
  }

  /**
   * The sampler that a spec asks for.
   *
   * @param predicted by all models; eps where they differ
   */
  static Sampler of(SamplerSpec spec, NoiseSchedule forward, Prediction predicted) {
    NoiseSchedule schedule = schedule(spec, forward);
    return switch (spec.kind()) {
      case DDPM -> new DdpmSampler(schedule, spec.clip(), spec.variance());
      case DDIM -> new DdimSampler(schedule, spec.eta(), spec.clip());
      case DPM_SOLVER_PLUS_PLUS ->
          new DpmSolverSampler(schedule, spec.clip(), spec.steps() < FEW_STEPS);
      case HEUN -> new HeunSampler(schedule, spec.clip());
      case EULER -> new EulerSampler(schedule, spec.clip());
      case PNDM -> new PndmSampler(schedule, spec.clip(), predicted);
      case PLMS -> new PlmsSampler(schedule, spec.clip(), predicted);
      case UNIPC -> new UniPcSampler(schedule, spec.clip());
    };
  }

  /** Steps below which DPM-Solver++ takes the last one in first order, as in diffusers. */
  int FEW_STEPS = 15;

  /**
   * The forward process as a spec's sampler goes it back: with a little signal everywhere, if it
   * divides by it, and with the noise that its last step leaves. What is predicted is read by it.
   */
  static NoiseSchedule schedule(SamplerSpec spec, NoiseSchedule forward) {
    NoiseSchedule schedule =
        switch (spec.kind()) {
          case DDPM, DDIM -> forward;
          case DPM_SOLVER_PLUS_PLUS, HEUN, EULER, PNDM, PLMS, UNIPC -> forward.withSomeSignal();
        };
    if (spec.finalSigma().isEmpty()) {
      return schedule;
    }
    return spec.kind() == SamplerSpec.Kind.EULER
        ? schedule.endingInFirstNoiseOfWholeImage() // diffusers' Euler divides x by its signal
        : schedule.endingInFirstNoise();
  }

  /** The deviation of the noise that a spec's trajectories start from, at {@code t}. */
  static double initialNoise(SamplerSpec spec, NoiseSchedule forward, int t) {
    return spec.initialNoise().isPresent() ? schedule(spec, forward).noise(t) : 1;
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
