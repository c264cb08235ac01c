package dev.atelier.workflows;

import dev.atelier.workflows.AssignmentActivities.PlanRanges;
import dev.atelier.workflows.EncodingActivities.EncodeDataset;
import dev.atelier.workflows.EvaluationActivities.CombineShards;
import dev.atelier.workflows.EvaluationActivities.MeasureReference;
import dev.atelier.workflows.EvaluationActivities.PrepareExtractor;
import dev.atelier.workflows.EvaluationActivities.Publish;
import dev.atelier.workflows.EvaluationActivities.SampleShard;
import dev.atelier.workflows.MergingActivities.Merge;
import dev.atelier.workflows.MergingActivities.SearchSchedule;
import dev.atelier.workflows.TrainingActivities.ImportTeacher;
import dev.atelier.workflows.TrainingActivities.TrainStudent;
import dev.atelier.workflows.TrainingActivities.TrainTeacher;
import java.util.Map;

/** What users call a piece of compute work; an experiment is at one of a name at a time. */
public final class ComputeWork {

  private static final Map<Class<?>, String> NAMES =
      Map.of(
          TrainTeacher.class, ModelKey.TEACHER.value(),
          ImportTeacher.class, ModelKey.TEACHER.value(),
          EncodeDataset.class, "encoding of the dataset",
          PlanRanges.class, "ranges",
          PrepareExtractor.class, "feature extractor",
          MeasureReference.class, "reference",
          Merge.class, "merge",
          SearchSchedule.class, "search of schedules",
          Publish.class, "files");

  private ComputeWork() {}

  /** The name of the work that an activity's task asks for. */
  public static String nameOf(Object task) {
    if (task instanceof TrainStudent training) {
      return training.key().value();
    }
    if (task instanceof SampleShard shard) {
      return "%s, images from %d".formatted(shard.subject().subject().word(), shard.first());
    }
    if (task instanceof CombineShards shards) {
      return "%s, figures".formatted(shards.subject().subject().word());
    }
    return NAMES.getOrDefault(task.getClass(), task.getClass().getSimpleName());
  }
}
