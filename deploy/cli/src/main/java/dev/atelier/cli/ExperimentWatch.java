package dev.atelier.cli;

import dev.atelier.workflows.ModelState;
import dev.atelier.workflows.Stage;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Follows an experiment to its end and shows its progress. */
public final class ExperimentWatch {

  private static final Duration POLL_INTERVAL = Duration.ofSeconds(1);
  private static final Duration LINE_INTERVAL =
      Duration.ofSeconds(10); // where there is no terminal
  private static final Duration PATIENCE = Duration.ofMinutes(2); // while the API is restarted

  private final AtelierApi api;
  private final Screen screen;

  private Optional<String> shownStage = Optional.empty();
  private final Map<String, String> shownModels = new HashMap<>();
  private List<String> shownWork = List.of();
  private Instant nextLines = Instant.MIN;

  public ExperimentWatch(AtelierApi api, Screen screen) {
    this.api = api;
    this.screen = screen;
  }

  /** Returns the experiment once it has ended. */
  public ExperimentReport untilEnd(String id) throws CommandFailure, InterruptedException {
    Instant lastAnswer = Instant.now();
    while (true) {
      try {
        ExperimentReport report = api.show(id);
        lastAnswer = Instant.now();
        show(report);
        if (report.stage().terminal()) {
          screen.keep();
          return report;
        }
      } catch (ServerUnreachable e) {
        if (lastAnswer.plus(PATIENCE).isBefore(Instant.now())) {
          throw e;
        }
      }
      Thread.sleep(POLL_INTERVAL.toMillis());
    }
  }

  private void show(ExperimentReport report) {
    if (screen.live()) {
      List<String> block = new ArrayList<>();
      block.add("%s  %s".formatted(report.id(), stage(report)));
      block.addAll(ReportText.bars(report.models()));
      block.addAll(WorkText.lines(report));
      screen.show(block);
      return;
    }
    if (!shownStage.equals(Optional.of(stage(report)))) {
      shownStage = Optional.of(stage(report));
      print(stage(report));
    }
    boolean due = !nextLines.isAfter(Instant.now());
    if (due) {
      nextLines = Instant.now().plus(LINE_INTERVAL);
    }
    for (ExperimentReport.Model model : report.models()) {
      boolean ended = model.state() != ModelState.PENDING && model.state() != ModelState.RUNNING;
      if (model.state() != ModelState.PENDING && (due || ended)) {
        printOnChange(model);
      }
    }
    List<String> work = WorkText.lines(report);
    if (due && !work.equals(shownWork)) {
      shownWork = work;
      work.forEach(this::print);
    }
  }

  private void printOnChange(ExperimentReport.Model model) {
    String line =
        "%s %s  %s".formatted(model.key(), ReportText.steps(model), ReportText.figures(model));
    if (!line.equals(shownModels.put(model.key(), line))) {
      print(line);
    }
  }

  private void print(String line) {
    screen.print("%s  %s".formatted(TimeText.moment(Instant.now()), line));
  }

  private static String stage(ExperimentReport report) {
    if (report.paused()) {
      return "%s, paused: ./atelier resume %s".formatted(report.stage(), report.id());
    }
    if (report.stage() != Stage.AWAITING_RETRY) {
      return report.stage().toString();
    }
    boolean evaluation = report.models().stream().noneMatch(m -> m.state() == ModelState.FAILED);
    return evaluation
        ? "%s: ./atelier reevaluate %s, or ./atelier cancel %s"
            .formatted(report.stage(), report.id(), report.id())
        : "%s: ./atelier retry %s K, or ./atelier cancel %s"
            .formatted(report.stage(), report.id(), report.id());
  }
}
