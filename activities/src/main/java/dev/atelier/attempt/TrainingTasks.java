package dev.atelier.attempt;

import dev.atelier.network.LowRank;
import dev.atelier.network.pruning.ChannelPruning.Criterion;
import dev.atelier.spec.StudentsSpec.StartFrom;
import dev.atelier.store.objects.Sha256;
import dev.atelier.training.Distillation;
import dev.atelier.training.InitialWeights;
import dev.atelier.training.Models;
import dev.atelier.training.PrunedTeacher;
import dev.atelier.training.Seeds;
import dev.atelier.training.TeacherBlocks;
import dev.atelier.training.TrainingTask;
import dev.atelier.version.CodeVersion;
import dev.atelier.workflows.ModelKey;
import dev.atelier.workflows.TrainingActivities.TrainStudent;
import dev.atelier.workflows.TrainingActivities.TrainTeacher;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

/** What is trained, as the training loop has it: seeds, first weights, teacher. */
public final class TrainingTasks {

  // All students of an experiment start from the same weights, so that they can be merged.
  private static final String STUDENTS_START = "students/start";

  private final Models models;

  public TrainingTasks(Models models) {
    this.models = models;
  }

  public TrainingTask of(TrainTeacher task) {
    return new TrainingTask(
        ModelKey.TEACHER.value(),
        Models.network(task.network(), task.dataset()),
        task.diffusion(),
        task.training(),
        Seeds.of(task.seed(), ModelKey.TEACHER),
        hashOf(task),
        CodeVersion.TRAINING.current(),
        Optional.empty());
  }

  public TrainingTask of(TrainStudent task) throws IOException {
    return new TrainingTask(
        task.key().value(),
        Models.network(task.network(), task.dataset()),
        task.diffusion(),
        task.training(),
        Seeds.of(task.seed(), task.key()),
        hashOf(task),
        CodeVersion.TRAINING.current(),
        Optional.of(
            new Distillation(
                models.teacher(task.teacher(), task.dataset()),
                task.range(),
                task.specificProbability(),
                task.loss(),
                task.antithetic(),
                task.rangeDraw())),
        start(task),
        task.rank().map(rank -> new LowRank(Models.network(task.network(), task.dataset()), rank)));
  }

  /** Whether the first weights are the same for all students of the experiment. */
  public static boolean startIsShared(TrainStudent task) {
    // By Taylor each student keeps the channels that matter in its own range.
    return task.startFrom() != StartFrom.TEACHER_TAYLOR;
  }

  private InitialWeights start(TrainStudent task) {
    return switch (task.startFrom()) {
      case RANDOM -> InitialWeights.random(Seeds.of(task.seed(), STUDENTS_START));
      case TEACHER_MAGNITUDE -> new PrunedTeacher(Criterion.MAGNITUDE);
      case TEACHER_TAYLOR -> new PrunedTeacher(Criterion.TAYLOR);
      case TEACHER_BLOCKS -> new TeacherBlocks();
      case ONE_TO_ONE ->
          (training, images, device, work) ->
              models.weights(task.oneToOne().orElseThrow(), training.network());
    };
  }

  /** What a checkpoint says of the task that it is of. */
  public static String hashOf(Record task) {
    return Sha256.of(task.toString().getBytes(StandardCharsets.UTF_8));
  }
}
