package dev.atelier.report;

import java.util.Optional;

/** Files that the experiments of a study made. */
public interface StudyFiles {

  /** The sample grid of a subject as PNG, if there is one. */
  Optional<byte[]> grid(String experimentId, String subject);

  /** The measured drift of an experiment's teacher, {@code drift.json}, if it was measured. */
  Optional<byte[]> drift(String experimentId);
}
