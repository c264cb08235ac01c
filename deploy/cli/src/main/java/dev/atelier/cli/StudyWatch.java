package dev.atelier.cli;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;

/** Follows a study to its end and shows its progress. */
final class StudyWatch {

  private static final Duration POLL_INTERVAL = Duration.ofSeconds(2);
  private static final Duration PATIENCE = Duration.ofMinutes(2); // while the API is restarted

  private final AtelierApi api;
  private final Screen screen;
  private String shown = "";

  StudyWatch(AtelierApi api, Screen screen) {
    this.api = api;
    this.screen = screen;
  }

  /** Returns the study once it is DONE, FAILED or CANCELED. */
  Study untilEnd(String id) throws CommandFailure, InterruptedException {
    Instant lastAnswer = Instant.now();
    while (true) {
      try {
        Study study = api.study(id);
        lastAnswer = Instant.now();
        show(study);
        if (study.stage().terminal()) {
          screen.keep();
          return study;
        }
      } catch (ServerUnreachable e) {
        if (lastAnswer.plus(PATIENCE).isBefore(Instant.now())) {
          throw e;
        }
      }
      Thread.sleep(POLL_INTERVAL.toMillis());
    }
  }

  private void show(Study study) {
    if (screen.live()) {
      List<String> block = new ArrayList<>(List.of(StudyText.line(study)));
      study.members().stream()
          .filter(m -> !m.stage().terminal() && m.step() > 0)
          .forEach(
              m ->
                  block.add(
                      "  %s  %s  %d/%d"
                          .formatted(m.experimentId(), m.stage(), m.step(), m.totalSteps())));
      screen.show(block);
    } else if (!shown.equals(StudyText.line(study))) {
      shown = StudyText.line(study);
      screen.print(shown);
    }
  }
}
