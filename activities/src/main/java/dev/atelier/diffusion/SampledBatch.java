package dev.atelier.diffusion;

import dev.atelier.diffusion.Sampler.Evaluation;
import dev.atelier.diffusion.Sampler.Trajectory;
import dev.atelier.diffusion.SeededRandom.Purpose;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * Images on their way from noise to clean, whoever predicts. Each image's noise is a function of
 * its number and the seed.
 */
public final class SampledBatch {
  private final SeededRandom random;
  private final long first;
  private final FloatBuffer x;
  private final int elements;
  private final List<Trajectory> trajectories = new ArrayList<>();

  /**
   * Begins with what {@code x} holds.
   *
   * @param first number of the first image
   * @param x the images, [N·elements]; moved in place
   * @param elements of an image
   */
  public SampledBatch(
      Sampler sampler, SeededRandom random, long first, FloatBuffer x, int elements) {
    this.random = random;
    this.first = first;
    this.x = x;
    this.elements = elements;
    for (int i = 0; i < x.limit() / elements; i++) {
      trajectories.add(sampler.begin(elements));
    }
  }

  /**
   * Writes the noise that images start from.
   *
   * @param deviation of the noise
   * @param x the images, [N·elements]
   */
  public static void begin(
      SeededRandom random, long first, double deviation, FloatBuffer x, int elements) {
    float[] noise = new float[elements];
    for (int i = 0; i < x.limit() / elements; i++) {
      random.stream(Purpose.SAMPLE_XT, first + i, 0).gaussians(noise, 0, elements);
      for (int j = 0; j < elements; j++) {
        x.put(i * elements + j, (float) (deviation * noise[j]));
      }
    }
  }

  /** The images, [N·elements]. */
  public FloatBuffer images() {
    return x;
  }

  /**
   * Takes the answers about the images at an evaluation's t, and moves them to its s.
   *
   * @param answers what is predicted, laid out as the images
   * @param mixture of the prediction at t
   */
  public void move(Evaluation evaluation, Mixture mixture, FloatBuffer answers) {
    double[] x0 = new double[elements];
    double[] eps = new double[elements];
    for (int i = 0; i < trajectories.size(); i++) {
      for (int j = 0; j < elements; j++) {
        double xt = x.get(i * elements + j);
        double said = answers.get(i * elements + j);
        x0[j] = mixture.x0(xt, said);
        eps[j] = mixture.eps(xt, said);
      }
      trajectories
          .get(i)
          .step(
              x.slice(i * elements, elements),
              x0,
              eps,
              evaluation.t(),
              evaluation.s(),
              random.stream(Purpose.SAMPLE_STEP_NOISE, first + i, evaluation.t())::nextGaussian);
    }
  }

  /** [-1, 1] as 0..255: clamped, rounded half to even. */
  public static byte[] pixels(FloatBuffer x) {
    byte[] pixels = new byte[x.limit()];
    for (int i = 0; i < pixels.length; i++) {
      double clamped = Math.max(-1.0, Math.min(1.0, x.get(i)));
      pixels[i] = (byte) (int) Math.rint((clamped + 1) * 127.5);
    }
    return pixels;
  }
}
