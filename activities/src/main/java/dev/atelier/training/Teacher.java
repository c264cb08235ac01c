package dev.atelier.training;

import dev.atelier.network.HostTensor;
import dev.atelier.network.HostTensor.DType;
import dev.atelier.network.Libtorch;
import dev.atelier.network.TorchModule;
import dev.atelier.network.TrainingModule.TeacherNetwork;
import dev.atelier.network.UNet;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** The frozen teacher of a distillation, or none: then a step learns from the images alone. */
final class Teacher implements AutoCloseable {
  private final Optional<TorchModule> archive; // asked before each step
  private final Optional<HostTensor> epsTeacher; // its answer
  private final String stepMethod;
  private final HostTensor metrics = HostTensor.zeros(DType.F64, 4);

  private Teacher(
      String stepMethod, Optional<TorchModule> archive, Optional<HostTensor> epsTeacher) {
    this.stepMethod = stepMethod;
    this.archive = archive;
    this.epsTeacher = epsTeacher;
  }

  static Teacher of(TrainingTask task, String device) {
    Optional<TeacherModel> model = task.distillation().map(Distillation::teacher);
    if (model.isEmpty()) {
      return new Teacher("train_step", Optional.empty(), Optional.empty());
    }
    if (model.get() instanceof TeacherModel.Archive archive) {
      UNet network = task.network();
      return new Teacher(
          "distill_step",
          Optional.of(Libtorch.load(archive.path(), device, TorchModule.Mode.INFERENCE)),
          Optional.of(
              HostTensor.zeros(
                  DType.F32,
                  task.training().batchSize(),
                  network.imageChannels(),
                  network.resolution(),
                  network.resolution())));
    }
    return new Teacher("teach_step", Optional.empty(), Optional.empty());
  }

  /** The network that belongs into the student's module, if the teacher is one. */
  static Optional<TeacherNetwork> network(TrainingTask task) {
    return task.distillation()
        .map(Distillation::teacher)
        .flatMap(
            model ->
                model instanceof TeacherModel.Weights w
                    ? Optional.of(new TeacherNetwork(w.network(), w.weights()))
                    : Optional.empty());
  }

  /** Runs one step of {@code student}: [loss, diffusion, distillation, gradient norm]. */
  double[] step(TorchModule student, TrainingBatch batch, HostTensor hyper, HostTensor counters) {
    List<HostTensor> inputs = new ArrayList<>(List.of(batch.xt(), batch.noise()));
    inputs.addAll(batch.conditions());
    if (archive.isPresent() && epsTeacher.isPresent()) {
      List<HostTensor> question = new ArrayList<>(List.of(batch.xt()));
      question.addAll(batch.conditions());
      archive.get().runInto(epsTeacher.get(), "forward", question.toArray(HostTensor[]::new));
      inputs.add(epsTeacher.get());
    }
    inputs.add(hyper);
    inputs.add(counters);
    student.runInto(metrics, stepMethod, inputs.toArray(HostTensor[]::new));
    return metrics.toDoubles();
  }

  @Override
  public void close() {
    archive.ifPresent(TorchModule::close);
  }
}
