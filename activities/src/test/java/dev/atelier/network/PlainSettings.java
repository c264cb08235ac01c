package dev.atelier.network;

import dev.atelier.network.TrainingModule.Settings;
import dev.atelier.spec.FeatureLossSpec;
import dev.atelier.spec.TrainingSpec;
import dev.atelier.spec.TrainingSpec.Precision;

/** Settings of a training that compares no features and learns what the teacher predicts. */
final class PlainSettings {

  private PlainSettings() {}

  static Settings of(
      double clipNorm,
      double diffusionWeight,
      double distillationWeight,
      int accumulationSteps,
      Precision precision,
      NetworkForm form) {
    return TrainingModuleSettingsBuilder.builder()
        .clipNorm(clipNorm)
        .beta2(TrainingSpec.DEFAULTS.beta2())
        .diffusionWeight(diffusionWeight)
        .distillationWeight(distillationWeight)
        .accumulationSteps(accumulationSteps)
        .precision(precision)
        .form(form)
        .feature(FeatureLossSpec.NONE)
        .build();
  }

  /** In float32. */
  static Settings of(
      double clipNorm,
      double diffusionWeight,
      double distillationWeight,
      int accumulationSteps,
      NetworkForm form) {
    return of(
        clipNorm, diffusionWeight, distillationWeight, accumulationSteps, Precision.FP32, form);
  }

  static Settings withRecomputing(Settings settings) {
    return TrainingModuleSettingsBuilder.builder(settings).recomputing(true).build();
  }
}
