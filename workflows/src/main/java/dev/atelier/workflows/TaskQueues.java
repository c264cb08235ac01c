package dev.atelier.workflows;

import java.util.List;

/**
 * Names of the Temporal task queues. Light work has one for each length that it may have, so that
 * what takes hours keeps nothing waiting that takes milliseconds.
 */
public final class TaskQueues {

  /** Workflows, and activities of a few rows: they say what becomes of every experiment. */
  public static final String LIGHT = "atelier";

  /** Small objects, and datasets that are made and not fetched: minutes. */
  public static final String FILES = "atelier.files";

  /** Reports of studies: up to half an hour. */
  public static final String REPORTS = "atelier.reports";

  /** Datasets that are fetched: up to half a day. */
  public static final String DATA = "atelier.data";

  /** Messages to others' servers, which may take 20 s to refuse one. */
  public static final String MESSAGES = "atelier.messages";

  /** The queues of light work that workflows don't run on. */
  public static final List<String> OF_LONGER_WORK = List.of(FILES, REPORTS, DATA, MESSAGES);

  private TaskQueues() {}

  /**
   * Training, sampling and evaluation on one class of device, such as {@code cpu} or {@code gpu}.
   */
  public static String compute(String deviceClass) {
    return LIGHT + "-" + deviceClass;
  }
}
