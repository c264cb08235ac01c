package dev.atelier.training;

import dev.atelier.spec.TrainingSpec;

/** The learning rate of each step. */
final class LearningRate {

  private LearningRate() {}

  /**
   * Linear warm-up from lr / warmupSteps at step 0; then constant, or half a cosine from lr at step
   * {@code warmupSteps} towards finalLearningRate after the last one. Loshchilov & Hutter 2017, eq.
   * 5.
   *
   * @param step from 0
   */
  static double at(TrainingSpec spec, int step) {
    if (step < spec.warmupSteps()) {
      return spec.learningRate() * ((step + 1.0) / spec.warmupSteps());
    }
    return switch (spec.learningRateSchedule()) {
      case CONSTANT -> spec.learningRate();
      case COSINE -> {
        double done = (step - spec.warmupSteps()) / (double) (spec.steps() - spec.warmupSteps());
        double range = spec.learningRate() - spec.finalLearningRate();
        yield spec.finalLearningRate() + range * (1 + Math.cos(Math.PI * done)) / 2;
      }
    };
  }
}
