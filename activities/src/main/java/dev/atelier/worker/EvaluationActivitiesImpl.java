package dev.atelier.worker;

import dev.atelier.evaluation.Evaluator;
import dev.atelier.evaluation.ExtractorPreparation;
import dev.atelier.evaluation.References;
import dev.atelier.publication.Publication;
import dev.atelier.publication.Reporting;
import dev.atelier.workflows.EvaluationActivities;
import dev.atelier.workflows.ExtractorRef;
import dev.atelier.workflows.ShardRef;
import dev.atelier.workflows.StatisticsRef;

/** Samples from trained models, judges them and publishes them. */
record EvaluationActivitiesImpl(
    Scopes scopes,
    ExtractorPreparation extractors,
    References references,
    Evaluator evaluator,
    Publication publication,
    Reporting reporting)
    implements EvaluationActivities {

  @Override
  public ExtractorRef prepareExtractor(PrepareExtractor task) {
    return scopes.call("extractor-", scope -> extractors.prepare(task, scope));
  }

  @Override
  public StatisticsRef measureReference(MeasureReference task) {
    return scopes.call("reference-", scope -> references.measure(task, scope));
  }

  @Override
  public ShardRef sampleShard(SampleShard task) {
    return scopes.call("shard-", scope -> evaluator.sample(task, scope));
  }

  @Override
  public Evaluated combineShards(CombineShards task) {
    return scopes.call("combine-", scope -> evaluator.combine(task, scope));
  }

  @Override
  public void publish(Publish task) {
    scopes.run(
        "publish-",
        scope -> {
          scope.describe("writing files");
          publication.publish(task, scope.path());
          scope.describe("writing the report");
          reporting.write(task);
        });
  }
}
