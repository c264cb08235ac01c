package dev.atelier.training;

import dev.atelier.network.HostTensor;
import dev.atelier.network.Libtorch;
import dev.atelier.network.TorchModule;
import java.util.Optional;

/** The frozen teacher of a distillation, or none: then a step learns from the images alone. */
final class Teacher implements AutoCloseable {
  private final Optional<TorchModule> module;

  private Teacher(Optional<TorchModule> module) {
    this.module = module;
  }

  static Teacher of(Optional<Distillation> distillation, String device) {
    return new Teacher(
        distillation.map(d -> Libtorch.load(d.teacher(), device, TorchModule.Mode.INFERENCE)));
  }

  /** Runs one step of {@code student}: [loss, diffusion, distillation, gradient norm]. */
  HostTensor step(TorchModule student, TrainingBatch batch, HostTensor hyper, HostTensor counters) {
    if (module.isEmpty()) {
      return student
          .run("train_step", batch.xt(), batch.noise(), batch.t(), hyper, counters)
          .get(0);
    }
    HostTensor epsTeacher = module.get().forward(batch.xt(), batch.t());
    return student
        .run("distill_step", batch.xt(), batch.noise(), batch.t(), epsTeacher, hyper, counters)
        .get(0);
  }

  @Override
  public void close() {
    module.ifPresent(TorchModule::close);
  }
}
