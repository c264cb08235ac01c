package dev.atelier.workflows.vocabulary;

/** The figures of an evaluation, by the names that they are stored under. */
public enum Metric {
  FRECHET_DISTANCE("frechetDistance", "Fréchet distance", "FID", "Of Gaussians fitted to features"),
  KERNEL_DISTANCE("kernelDistance", "kernel distance", "KID", "Mean over random subsets"),
  KERNEL_DISTANCE_DEVIATION(
      "kernelDistanceDeviation",
      "± of kernel distance",
      "± of KID",
      "Deviation over random subsets"),
  CLASS_SCORE("classScore", "class score", "Inception score", "Of the samples alone"),
  CLASS_SCORE_DEVIATION(
      "classScoreDeviation",
      "± of class score",
      "± of Inception score",
      "Deviation over parts of the samples"),
  PRECISION("precision", "precision", "precision", "Share of samples that look real"),
  RECALL("recall", "recall", "recall", "Share of real images that samples cover"),
  DENSITY("density", "density", "density", "How close samples are to many real images"),
  COVERAGE("coverage", "coverage", "coverage", "Share of real images with a sample nearby"),
  CLIP_SCORE("clipScore", "CLIP score", "CLIP score", "How well samples show their prompts"),
  CLIP_DISTANCE("clipDistance", "CMMD", "CMMD", "Between CLIP's embeddings of images");

  /** What the Fréchet distance of Inception's features is called, and nothing else. */
  public static final String FID = "FID";

  private final String key;
  private final String name;
  private final String inceptionName;
  private final String description;

  Metric(String key, String name, String inceptionName, String description) {
    this.description = description;
    this.key = key;
    this.name = name;
    this.inceptionName = inceptionName;
  }

  /** Its name in JSON. */
  public String key() {
    return key;
  }

  /** What it tells, in a few words. */
  public String description() {
    return description;
  }

  /** What people call it under any features but Inception's. */
  public String title() {
    return name;
  }

  /**
   * What people call it: FID, KID and Inception score are names of figures under Inception's
   * features alone.
   *
   * @param distanceName what the Fréchet distance of the same evaluation is called
   */
  public String label(String distanceName) {
    return distanceName.equals(FID) ? inceptionName : name;
  }
}
