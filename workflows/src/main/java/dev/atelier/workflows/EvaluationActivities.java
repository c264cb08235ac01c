package dev.atelier.workflows;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.atelier.spec.DiffusionSpec;
import dev.atelier.spec.EvaluationSpec;
import dev.atelier.spec.ExperimentSpec;
import dev.atelier.spec.ExperimentSpec.Reuse;
import dev.atelier.spec.MergeSpec;
import dev.atelier.spec.ScheduleSearchSpec;
import dev.atelier.workflows.vocabulary.Subject;
import io.temporal.activity.ActivityInterface;
import io.temporal.activity.ActivityMethod;
import java.util.List;

/** Samples from trained models, compares them with the dataset, and publishes their files. */
@ActivityInterface
public interface EvaluationActivities {

  /**
   * The extractor to fetch, and to check with the numbers of images, before training starts.
   *
   * @param merge whose samples must be able to rank, if it searches
   * @param search likewise
   */
  record PrepareExtractor(
      String experimentId,
      EvaluationSpec evaluation,
      DatasetRef dataset,
      MergeSpec merge,
      ScheduleSearchSpec search) {

    /** A task of an earlier version says nothing of merging and search. */
    public PrepareExtractor {
      merge = merge == null ? MergeSpec.NONE : merge;
      search = search == null ? ScheduleSearchSpec.NONE : search;
    }
  }

  /** The other side of every comparison: the dataset, or the statistics that the spec names. */
  record MeasureReference(
      String experimentId, DatasetRef dataset, EvaluationSpec evaluation, ExtractorRef extractor) {}

  /**
   * Models that together own [0, T), to be sampled and judged as one.
   *
   * @param reuse whether the figures of another experiment that judged the same models in the same
   *     way may be taken over
   * @param distilledGuidance whether students have learned guided predictions, and are asked once
   */
  record Evaluate(
      String experimentId,
      Subject subject,
      DatasetRef dataset,
      DiffusionSpec diffusion,
      EvaluationSpec evaluation,
      ExtractorRef extractor,
      StatisticsRef reference,
      EnsembleRef models,
      Reuse reuse,
      @JsonInclude(JsonInclude.Include.NON_DEFAULT) boolean distilledGuidance) {

    /** Of students that have learned predictions as they are. */
    public Evaluate(
        String experimentId,
        Subject subject,
        DatasetRef dataset,
        DiffusionSpec diffusion,
        EvaluationSpec evaluation,
        ExtractorRef extractor,
        StatisticsRef reference,
        EnsembleRef models,
        Reuse reuse) {
      this(
          experimentId,
          subject,
          dataset,
          diffusion,
          evaluation,
          extractor,
          reference,
          models,
          reuse,
          false);
    }
  }

  /**
   * Some of the images of a subject, to be sampled and run through the extractor.
   *
   * @param first from 0
   */
  record SampleShard(Evaluate subject, int first, int images) {}

  /** Every shard of a subject, in order. */
  record CombineShards(Evaluate subject, List<ShardRef> shards) {}

  /**
   * The figures of one subject.
   *
   * @param distance Fréchet distance to the dataset under the protocol stored beside it
   */
  record Evaluated(Subject subject, double distance) {}

  /** Every trained model of an experiment, to be written as files for users. */
  record Publish(
      String experimentId,
      ExperimentSpec spec,
      DatasetRef dataset,
      ModelRef teacher,
      EnsembleRef students,
      List<ModelRef> oneToOne, // empty or one
      EnsembleRef merged // the ensemble after merging; of no models: not merged
      ) {}

  @ActivityMethod(name = "PrepareExtractor")
  ExtractorRef prepareExtractor(PrepareExtractor task);

  @ActivityMethod(name = "MeasureReference")
  StatisticsRef measureReference(MeasureReference task);

  /** Samples images that are the same however many shards there are. */
  @ActivityMethod(name = "SampleShard")
  ShardRef sampleShard(SampleShard task);

  /** Computes every figure, stores the evaluation and deletes the shards. */
  @ActivityMethod(name = "CombineShards")
  Evaluated combineShards(CombineShards task);

  /** Writes the TorchScript and safetensors files that {@code export} hands out. */
  @ActivityMethod(name = "Publish")
  void publish(Publish task);
}
