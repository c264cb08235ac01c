package dev.atelier.work;

/** Files of experiments that users can download. */
public interface ExperimentFiles {

  /** Keeps a sample grid, where REST finds it. */
  void keepSamples(String experimentId, String subject, byte[] png);

  /**
   * Keeps what the images of a sample grid were to show.
   *
   * @param json an object whose {@code prompts} has a text per image, in their order
   */
  void keepPrompts(String experimentId, String subject, byte[] json);

  /**
   * Keeps what sampling made of noise, step by step.
   *
   * @param extension "png" for the picture, "json" for the timesteps of its rows
   */
  void keepTrajectory(
      String experimentId, String subject, String extension, String contentType, byte[] content);

  /** Keeps a file that says what was found. */
  void keepReport(String experimentId, String name, String contentType, byte[] content);
}
