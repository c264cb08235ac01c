package dev.atelier.diffusion;

import dev.atelier.spec.Prediction;
import java.util.Optional;

/**
 * Where a student's y_S is compared with its teacher's y_T that predicts something else: {@code
 * ofStudent[t]} y_S against {@code ofX[t]} x_t + {@code ofTeacher[t]} y_T, each [T].
 *
 * <p>At each t it is the one of the two models' own spaces in which a unit of the other one's
 * output is worth at most one: so no error of either is enlarged, as that of an eps would be by 1 /
 * signal where it is read as an image.
 */
@SuppressWarnings("ArrayRecordComponent") // never compared
public record CommonSpace(double[] ofStudent, double[] ofX, double[] ofTeacher) {

  /** Empty: both predict the same, and are compared as they are. */
  public static Optional<CommonSpace> of(
      Prediction student, Prediction teacher, NoiseSchedule schedule) {
    if (student == teacher) {
      return Optional.empty();
    }
    int timesteps = schedule.timesteps();
    CommonSpace space =
        new CommonSpace(new double[timesteps], new double[timesteps], new double[timesteps]);
    for (int t = 0; t < timesteps; t++) {
      Mixture s = Mixture.of(student, schedule, t);
      Mixture own = Mixture.of(teacher, schedule, t);
      double largest =
          Math.abs(own.determinant()) > Math.abs(s.determinant())
              ? own.determinant()
              : s.determinant();
      // det_T y_S = (p_S q_T - q_S p_T) x_t + det_S y_T: both say the same x_0 and eps.
      space.ofStudent[t] = own.determinant() / largest;
      space.ofX[t] = (s.ofX0() * own.ofEps() - s.ofEps() * own.ofX0()) / largest;
      space.ofTeacher[t] = s.determinant() / largest;
    }
    return Optional.of(space);
  }
}
