package dev.atelier.training;

import dev.atelier.network.HostTensor;
import dev.atelier.network.HostTensor.DType;
import dev.atelier.network.Libtorch;
import dev.atelier.network.TorchModule;
import dev.atelier.network.UNet;
import java.util.Optional;

/** The frozen teacher of a distillation, or none: then a step learns from the images alone. */
final class Teacher implements AutoCloseable {
  private final Optional<TorchModule> module;

  private final HostTensor epsTeacher;
  private final HostTensor metrics = HostTensor.zeros(DType.F64, 4);

  private Teacher(Optional<TorchModule> module, HostTensor epsTeacher) {
    this.module = module;
    this.epsTeacher = epsTeacher;
  }

  static Teacher of(TrainingTask task, String device) {
    UNet network = task.network();
    return new Teacher(
        task.distillation()
            .map(d -> Libtorch.load(d.teacher(), device, TorchModule.Mode.INFERENCE)),
        HostTensor.zeros(
            DType.F32,
            task.training().batchSize(),
            network.imageChannels(),
            network.resolution(),
            network.resolution()));
  }

  /** Runs one step of {@code student}: [loss, diffusion, distillation, gradient norm]. */
  double[] step(TorchModule student, TrainingBatch batch, HostTensor hyper, HostTensor counters) {
    if (module.isPresent()) {
      module.get().runInto(epsTeacher, "forward", batch.xt(), batch.t());
      student.runInto(
          metrics,
          "distill_step",
          batch.xt(),
          batch.noise(),
          batch.t(),
          epsTeacher,
          hyper,
          counters);
    } else {
      student.runInto(metrics, "train_step", batch.xt(), batch.noise(), batch.t(), hyper, counters);
    }
    return metrics.toDoubles();
  }

  @Override
  public void close() {
    module.ifPresent(TorchModule::close);
  }
}
