package dev.atelier.diffusion;

import java.nio.FloatBuffer;
import java.util.Arrays;
import java.util.function.DoubleSupplier;

/**
 * UniPC-2. Zhao et al. 2023, arXiv 2302.04867, algorithms 5 to 8 with B_2(h) and predicted images:
 * deterministic, second order, one prediction a step, which also corrects the image that it was
 * asked about. The first step is of first order, and so is the last.
 *
 * <p>Equals {@code UniPCMultistepScheduler} of diffusers with {@code solver_order=2,
 * solver_type="bh2", predict_x0=True, lower_order_final=True} and, where x0 is clipped, {@code
 * thresholding=True, sample_max_value=1}. The history is predicted x0, which mean the same for
 * every student.
 */
public final class UniPcSampler implements Sampler {
  private final NoiseSchedule schedule;
  private final boolean clip;

  /** Over a {@code schedule} that has some signal everywhere. */
  public UniPcSampler(NoiseSchedule schedule, boolean clip) {
    this.schedule = schedule;
    this.clip = clip;
  }

  @Override
  public int remembered() {
    return 3;
  }

  @Override
  public Trajectory begin(int elements) {
    return new History(elements);
  }

  private final class History implements Trajectory {
    private static final int NONE = -1;

    private final double[] x; // corrected, at the latest t
    private final double[] latestX0;
    private final double[] earlierX0;
    private int latestT = NONE;
    private int earlierT = NONE;

    History(int elements) {
      x = new double[elements];
      latestX0 = new double[elements];
      earlierX0 = new double[elements];
    }

    @Override
    public void step(
        FloatBuffer image, double[] x0, double[] eps, int t, int s, DoubleSupplier noise) {
      double[] clean = Arrays.stream(x0).map(pixel -> Sampler.clip(pixel, clip)).toArray();
      correct(image, clean, t);
      System.arraycopy(latestX0, 0, earlierX0, 0, x.length);
      System.arraycopy(clean, 0, latestX0, 0, x.length);
      earlierT = latestT;
      latestT = t;
      predict(image, s);
    }

    /** UniC: the last step once more, now that its end is known. */
    private void correct(FloatBuffer image, double[] x0, int t) {
      if (latestT == NONE) {
        for (int i = 0; i < x.length; i++) {
          x[i] = image.get(i);
        }
        return;
      }
      Step step = new Step(latestT, t);
      double h = -step.h;
      double phi = step.phi / h - 1; // h phi_2 of -h
      double ofEarlier = 0;
      double ofThis = 0.5; // rho of UniC-1
      double r = 0;
      if (earlierT != NONE) {
        r = step.ratio(earlierT);
        double first = phi / step.phi;
        double second = 2 * (phi / h - 0.5) / step.phi;
        ofEarlier = (first - second) / (1 - r);
        ofThis = first - ofEarlier;
      }
      for (int i = 0; i < x.length; i++) {
        double m = latestX0[i];
        double earlier = earlierT == NONE ? 0 : (earlierX0[i] - m) / r;
        x[i] = step.end(x[i], m, ofEarlier * earlier + ofThis * (x0[i] - m));
      }
    }

    /** UniP: where the corrected image goes. */
    private void predict(FloatBuffer image, int s) {
      Step step = new Step(latestT, s);
      boolean firstOrder = earlierT == NONE || s < 0;
      double slope = firstOrder ? 0 : 0.5 / step.ratio(earlierT);
      for (int i = 0; i < x.length; i++) {
        double m = latestX0[i];
        image.put(i, (float) step.end(x[i], m, slope * (earlierX0[i] - m)));
      }
    }
  }

  /** From t to s. */
  private final class Step {
    final double from; // lambda_t
    final double h;
    final double phi; // exp(-h) - 1, B_2(h) of predicted images
    final double weightOfX;
    final double signal; // at s

    Step(int t, int s) {
      from = schedule.lambda(t);
      h = schedule.lambda(s) - from;
      phi = StrictMath.expm1(-h);
      weightOfX = schedule.noise(s) / schedule.noise(t);
      signal = schedule.signal(s);
    }

    /** r of an earlier timestep, which is negative. */
    double ratio(int earlier) {
      return (schedule.lambda(earlier) - from) / h;
    }

    /** A pixel at s, of one at t and its predicted x0. */
    double end(double x, double x0, double difference) {
      return weightOfX * x - signal * phi * (x0 + difference);
    }
  }
}
