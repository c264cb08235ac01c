package dev.atelier.api.experiment.launch;

import dev.atelier.api.access.Caller;
import dev.atelier.api.experiment.Accepted;
import dev.atelier.api.experiment.ExperimentId;
import dev.atelier.api.experiment.Links;
import dev.atelier.api.experiment.launch.LaunchRepository.Launch;
import dev.atelier.api.problem.ProblemException;
import dev.atelier.api.problem.ProblemType;
import dev.atelier.api.project.Quotas;
import dev.atelier.api.temporal.DistillationRuns;
import dev.atelier.api.temporal.TemporalUnavailableException;
import dev.atelier.api.worker.WorkerRepository;
import dev.atelier.spec.ExperimentSpec;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.jboss.logging.Logger;

/** Begins experiments. */
@ApplicationScoped
class LaunchService {

  private static final Logger LOG = Logger.getLogger(LaunchService.class);

  private final LaunchRepository repository;
  private final DistillationRuns runs;
  private final WorkerRepository workers;
  private final Quotas quotas;
  private final Caller caller;

  LaunchService(
      LaunchRepository repository,
      DistillationRuns runs,
      WorkerRepository workers,
      Quotas quotas,
      Caller caller) {
    this.repository = repository;
    this.runs = runs;
    this.workers = workers;
    this.quotas = quotas;
    this.caller = caller;
  }

  /** Stores an experiment and starts its workflow; a repeated request gets the same answer. */
  Accepted launch(ExperimentSpec spec, Optional<String> idempotencyKey) {
    Launch launch =
        repository.launch(ExperimentId.next(Instant.now()), spec, caller.project(), idempotencyKey);
    if (launch instanceof Launch.KeyTaken taken) {
      throw new ProblemException(
          ProblemType.IDEMPOTENCY_KEY_REUSED,
          "The Idempotency-Key was used for another spec: it launched experiment %s."
              .formatted(taken.id()));
    }
    if (launch instanceof Launch.Repeated repeated) {
      return launched(repeated.id(), spec);
    }
    String id = ((Launch.Created) launch).id();
    try {
      runs.start(id, spec);
    } catch (TemporalUnavailableException e) {
      LOG.warnf("%s Experiment %s waits in QUEUED.", e.getMessage(), id);
    }
    return launched(id, spec);
  }

  private Accepted launched(String id, ExperimentSpec spec) {
    return new Accepted(id, Links.of(id, runs.page(id)), warnings(spec));
  }

  /** What the experiment would take, without launching it. */
  Estimate estimate(ExperimentSpec spec) {
    List<String> refusals = quotas.refusals(caller.project(), Set.of(spec.compute()), 1);
    return Estimate.of(
        spec,
        repository.macsPerSecond(spec.compute()),
        Stream.concat(refusals.stream(), warnings(spec).stream()).toList());
  }

  private List<String> warnings(ExperimentSpec spec) {
    return Stream.concat(
            Estimate.warnings(spec).stream(), workers.unserved(spec.compute()).stream())
        .toList();
  }
}
