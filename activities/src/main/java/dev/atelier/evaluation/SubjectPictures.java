package dev.atelier.evaluation;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.atelier.dataset.ImageGrid;
import dev.atelier.spec.EvaluationSpec;
import dev.atelier.training.EnsembleSampler.Frames;
import dev.atelier.work.ExperimentFiles;
import dev.atelier.work.Scope;
import dev.atelier.workflows.DatasetRef;
import dev.atelier.workflows.EvaluationActivities.Evaluate;
import java.io.IOException;
import java.util.List;
import java.util.Map;

/** What people see of a subject: its first samples, and how some of them came out of noise. */
record SubjectPictures(ExperimentFiles files) {

  private static final int TRAJECTORY_IMAGES = 8;
  private static final int TRAJECTORY_FRAMES = 25;
  private static final ObjectMapper JSON = new ObjectMapper();

  /** Samples the first images of {@code subject} as a grid. */
  void keepGrid(Evaluate subject, ShardSampling sampling, Scope scope) throws IOException {
    EvaluationSpec evaluation = subject.evaluation();
    int images = evaluation.gridRows() * evaluation.gridColumns();
    byte[] grid = sampling.sample(0, images).pixels();
    ShardSampler.count(images, scope);
    files.keepSamples(
        subject.experimentId(),
        subject.subject().word(),
        png(grid, images, subject.dataset(), evaluation.gridRows(), evaluation.gridColumns()));
    List<String> prompts = sampling.prompts(0, images);
    if (!prompts.isEmpty()) {
      files.keepPrompts(
          subject.experimentId(),
          subject.subject().word(),
          JSON.writeValueAsBytes(Map.of("prompts", prompts)));
    }
  }

  /** A column per image, a row per frame, and the timesteps of the rows beside it. */
  void keepTrajectory(Evaluate subject, ShardSampling sampling, Scope scope) throws IOException {
    Frames frames =
        sampling
            .sampler()
            .trajectory(
                Math.min(TRAJECTORY_IMAGES, subject.evaluation().samples()),
                TRAJECTORY_FRAMES,
                scope::stops);
    scope.stopIfAsked();
    int rows = frames.timesteps().size();
    String label = subject.subject().word();
    files.keepTrajectory(
        subject.experimentId(),
        label,
        "png",
        "image/png",
        png(frames.chw(), rows * frames.images(), subject.dataset(), rows, frames.images()));
    files.keepTrajectory(
        subject.experimentId(),
        label,
        "json",
        "application/json",
        JSON.writeValueAsBytes(Map.of("timesteps", frames.timesteps())));
  }

  private static byte[] png(byte[] chw, int images, DatasetRef dataset, int rows, int columns)
      throws IOException {
    return ImageGrid.png(
        chw,
        images,
        dataset.channels(),
        dataset.resolution(),
        rows,
        columns,
        ImageGrid.scaleFor(dataset.resolution()));
  }
}
