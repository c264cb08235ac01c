package dev.atelier.training;

import dev.atelier.network.FeatureLoss;
import dev.atelier.network.FeatureLossException;
import dev.atelier.network.Network;
import dev.atelier.network.StepFigures;
import dev.atelier.network.TrainingModule.TeacherNetwork;
import dev.atelier.network.libtorch.Libtorch;
import dev.atelier.network.libtorch.TorchModule;
import dev.atelier.network.tensors.HostTensor;
import dev.atelier.network.tensors.HostTensor.DType;
import dev.atelier.spec.FeatureLossSpec;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** The frozen teacher of a distillation, or none: then a step learns from the images alone. */
final class Teacher implements AutoCloseable {
  private final Optional<TorchModule> archive; // asked before each step
  private final Optional<HostTensor> epsTeacher; // its answer
  private final String stepMethod;
  private final boolean guided; // a step asks it once more, without text
  private final HostTensor figures;

  private Teacher(
      int batchSize,
      boolean guided,
      String stepMethod,
      Optional<TorchModule> archive,
      Optional<HostTensor> epsTeacher) {
    this.figures = StepFigures.buffer(batchSize);
    this.stepMethod = stepMethod;
    this.guided = guided;
    this.archive = archive;
    this.epsTeacher = epsTeacher;
  }

  static Teacher of(TrainingTask task, String device) {
    Optional<TeacherModel> model = task.distillation().map(Distillation::teacher);
    int batchSize = task.training().batchSize();
    if (model.isEmpty()) {
      return new Teacher(batchSize, false, "train_step", Optional.empty(), Optional.empty());
    }
    if (model.get() instanceof TeacherModel.Archive archive) {
      Network network = task.network();
      return new Teacher(
          batchSize,
          false,
          "distill_step",
          Optional.of(Libtorch.load(archive.path(), device, TorchModule.Mode.INFERENCE)),
          Optional.of(
              HostTensor.zeros(
                  DType.F32,
                  batchSize,
                  network.imageChannels(),
                  network.resolution(),
                  network.resolution())));
    }
    boolean guided = task.distillation().get().loss().guidance().isPresent();
    return new Teacher(batchSize, guided, "teach_step", Optional.empty(), Optional.empty());
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

  /**
   * The loss between the student's and the teacher's features, if it is asked for.
   *
   * @throws FeatureLossException if the teacher has no features, or none that fit the student's
   */
  static Optional<FeatureLoss> featureLoss(TrainingTask task) {
    if (task.distillation().isEmpty() || !task.distillation().get().loss().feature().wanted()) {
      return Optional.empty();
    }
    FeatureLossSpec feature = task.distillation().get().loss().feature();
    TeacherNetwork teacher =
        network(task)
            .orElseThrow(
                () ->
                    new FeatureLossException(
                        "students.loss.feature of %s needs a teacher with features to compare: expected weights of a network, found a TorchScript file."
                            .formatted(task.name())));
    return Optional.of(new FeatureLoss(feature, task.network(), teacher.network()));
  }

  /** Runs one step of {@code student}. */
  StepFigures step(
      TorchModule student, TrainingBatch batch, HostTensor hyper, HostTensor counters) {
    List<HostTensor> inputs = new ArrayList<>(List.of(batch.xt(), batch.target()));
    inputs.addAll(batch.conditions());
    if (archive.isPresent() && epsTeacher.isPresent()) {
      List<HostTensor> question = new ArrayList<>(List.of(batch.xt()));
      question.addAll(batch.conditions());
      archive.get().runInto(epsTeacher.get(), "forward", question.toArray(HostTensor[]::new));
      inputs.add(epsTeacher.get());
    }
    if (guided) {
      batch.withoutText().ifPresent(inputs::add);
    }
    inputs.add(hyper);
    inputs.add(counters);
    student.runInto(figures, stepMethod, inputs.toArray(HostTensor[]::new));
    return StepFigures.of(figures);
  }

  @Override
  public void close() {
    archive.ifPresent(TorchModule::close);
  }
}
