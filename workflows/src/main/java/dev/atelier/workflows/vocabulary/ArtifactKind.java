package dev.atelier.workflows.vocabulary;

/** What a file of an experiment is. */
public enum ArtifactKind {
  GRID("grid", "a picture of samples, or of the dataset"),
  GRID_PROMPTS("grid-prompts", "what the pictures of a grid were to show"),
  TRAJECTORY(
      "trajectory", "the way from noise to image, as a picture or the timesteps of its rows"),
  REPORT("report", "a page, plot or table of what was found"),
  EXPORT("export", "a model or a description of them, to leave with");

  private final String word;
  private final String description;

  ArtifactKind(String word, String description) {
    this.word = word;
    this.description = description;
  }

  /** Its name in the database and over REST. */
  public String word() {
    return word;
  }

  public String description() {
    return description;
  }
}
