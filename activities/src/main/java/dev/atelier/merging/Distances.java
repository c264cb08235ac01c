package dev.atelier.merging;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.datatype.jdk8.Jdk8Module;
import dev.atelier.dataset.Datasets;
import dev.atelier.merging.SearchMemory.Search;
import dev.atelier.training.Device;
import dev.atelier.work.Doing;
import dev.atelier.work.LocalFiles;
import dev.atelier.work.Scope;
import dev.atelier.workflows.MergingActivities.Measure;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;

/** The distances of a search's candidates; those that are known are not measured again. */
public record Distances(Device device, LocalFiles files, Datasets datasets, SearchMemory memory) {

  private static final ObjectMapper JSON =
      new ObjectMapper()
          .registerModule(new Jdk8Module())
          .enable(SerializationFeature.INDENT_OUTPUT);

  /** What is remembered of a candidate beside its distance. */
  record Described<C>(
      Function<C, String> name,
      Function<C, List<Owner>> owners,
      Function<C, Optional<Double>> macs) {}

  /**
   * A search of an experiment.
   *
   * @param evaluations of the distance, at most
   */
  record SearchRun(String experimentId, Search search, int evaluations) {}

  /**
   * Measures over {@code samples} images.
   *
   * @param field of the spec that sets the samples, for messages
   */
  SampledDistance sampled(Measure with, String field, int samples, Scope scope) throws IOException {
    return new SampledDistance(
        device, files, datasets, with, field, samples, scope.path(), scope::stops);
  }

  /** {@code measured} with a memory: an attempt goes on where the last one was. */
  <C> CandidateDistance<C> remembered(
      SearchRun run, Described<C> described, CandidateDistance<C> measured, Scope scope) {
    Map<String, Double> known =
        memory.resume(run.experimentId(), run.search(), SampledDistance.ESTIMATOR);
    AtomicInteger done = new AtomicInteger();
    scope.describe(() -> new Doing("evaluations, at most", done.get(), run.evaluations()));
    return candidate -> {
      String name = described.name().apply(candidate);
      Double before = known.get(name);
      double distance = before == null ? measured.of(candidate) : before;
      scope.stopIfAsked();
      if (before == null) {
        memory.record(
            run.experimentId(),
            run.search(),
            new SearchMemory.Candidate(
                name,
                done.get(),
                distance,
                described.macs().apply(candidate),
                json(described.owners().apply(candidate)),
                SampledDistance.ESTIMATOR));
      }
      done.incrementAndGet();
      return distance;
    };
  }

  private static String json(List<Owner> owners) {
    try {
      return JSON.writeValueAsString(owners);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("Cannot write %s as JSON.".formatted(owners), e);
    }
  }
}
