package dev.atelier.workflows;

import dev.atelier.spec.DiffusionSpec;
import dev.atelier.spec.EvaluationSpec.Shard;
import dev.atelier.spec.ExperimentSpec.Reuse;
import dev.atelier.workflows.EnsembleActivities.DiscardShards;
import dev.atelier.workflows.EvaluationActivities.CombineShards;
import dev.atelier.workflows.EvaluationActivities.Evaluate;
import dev.atelier.workflows.EvaluationActivities.Evaluated;
import dev.atelier.workflows.EvaluationActivities.SampleShard;
import dev.atelier.workflows.MergingActivities.Measure;
import dev.atelier.workflows.vocabulary.Subject;
import io.temporal.workflow.Async;
import io.temporal.workflow.Promise;
import io.temporal.workflow.Workflow;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/** Measures the figures of each subject, once for the same models. */
final class Evaluations {

  private final ReuseActivities reuse =
      Workflow.newActivityStub(ReuseActivities.class, Activities.REUSE);
  private final EnsembleActivities shards =
      Workflow.newActivityStub(EnsembleActivities.class, Activities.STORE);

  private final Experiment experiment;
  private final Standing standing;
  private final Map<Subject, EnsembleRef> judged = new EnumMap<>(Subject.class);
  private final List<Promise<Evaluated>> begun = new ArrayList<>();
  private boolean anew; // figures are measured even where another experiment has them
  private boolean shardsKept;
  private double bestDistance = Double.POSITIVE_INFINITY;

  Evaluations(Experiment experiment, Standing standing) {
    this.experiment = experiment;
    this.standing = standing;
  }

  /** Takes over no figures of other experiments from now on. */
  void measureAnew() {
    anew = true;
  }

  /** Has subjects measured again that were measured before. */
  void forget(List<Subject> stale) {
    judged.keySet().removeAll(stale);
  }

  /** Forgets evaluations that have ended, with or without figures. */
  void clear() {
    begun.clear();
  }

  /**
   * Begins to judge a subject, unless that was done before: samples from the models in shards, all
   * at once, and judges all samples together.
   */
  void begin(Subject subject, Measure by, EnsembleRef models) {
    if (models.equals(judged.get(subject))) {
      return;
    }
    Evaluate task =
        new Evaluate(
            experiment.id(),
            subject,
            by.dataset(),
            process(subject, by.diffusion()),
            by.evaluation(),
            by.extractor(),
            by.reference(),
            models,
            anew ? Reuse.NEVER : experiment.spec().reuse(),
            subject != Subject.TEACHER && by.distilledGuidance());
    begun.add(
        Async.function(
            () -> {
              Evaluated evaluated =
                  noteBest(reuse.findEvaluation(task).evaluated().orElseGet(() -> evaluate(task)));
              judged.put(subject, models);
              return evaluated;
            }));
  }

  /** Figures of a teacher are the same whatever students predict. */
  private static DiffusionSpec process(Subject subject, DiffusionSpec diffusion) {
    return subject == Subject.TEACHER
        ? diffusion.predicting(diffusion.teacherPredicts())
        : diffusion;
  }

  /** Returns once all that were begun have their figures; throws the failure of one. */
  void await() {
    Promise.allOf(begun).get();
  }

  /** Returns once all that were begun have ended, however. */
  void awaitEnds() {
    Workflow.await(() -> begun.stream().allMatch(Promise::isCompleted));
  }

  /** Removes what an evaluation that has not ended has left. */
  void discardShards() {
    if (shardsKept) {
      shards.discardShards(new DiscardShards(experiment.id()));
    }
  }

  private Evaluated evaluate(Evaluate task) {
    shardsKept = true;
    List<Shard> wanted = experiment.spec().evaluation().shards();
    List<Promise<ShardRef>> sampled = new ArrayList<>();
    for (int k = 0; k < wanted.size() && sampled.stream().noneMatch(Evaluations::failed); k++) {
      Shard shard = wanted.get(k);
      SampleShard part = new SampleShard(task, shard.first(), shard.images());
      experiment.turns().await(part);
      String summary =
          "%s, shard %d of %d, %d images"
              .formatted(task.subject().word(), k + 1, wanted.size(), shard.images());
      sampled.add(Async.function(experiment.evaluation(summary)::sampleShard, part));
    }
    Promise.allOf(sampled).get();
    CombineShards all = new CombineShards(task, sampled.stream().map(Promise::get).toList());
    experiment.turns().await(all);
    return experiment.evaluation("%s, figures".formatted(task.subject().word())).combineShards(all);
  }

  private static boolean failed(Promise<?> promise) {
    return promise.isCompleted() && promise.getFailure() != null;
  }

  private Evaluated noteBest(Evaluated evaluated) {
    if (evaluated.subject() != Subject.TEACHER && evaluated.distance() < bestDistance) {
      bestDistance = evaluated.distance();
      standing.publish(FoundBy.BEST_DISTANCE.valueSet(bestDistance));
    }
    return evaluated;
  }
}
