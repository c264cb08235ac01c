package dev.atelier.workflows.vocabulary;

/** The figures of an evaluation, by the names that they are stored under. */
public enum Metric {
  FRECHET_DISTANCE("frechetDistance", "Fréchet distance", "FID"),
  KERNEL_DISTANCE("kernelDistance", "kernel distance", "KID"),
  KERNEL_DISTANCE_DEVIATION("kernelDistanceDeviation", "± of kernel distance", "± of KID"),
  CLASS_SCORE("classScore", "class score", "Inception score"),
  CLASS_SCORE_DEVIATION("classScoreDeviation", "± of class score", "± of Inception score"),
  PRECISION("precision", "precision", "precision"),
  RECALL("recall", "recall", "recall"),
  DENSITY("density", "density", "density"),
  COVERAGE("coverage", "coverage", "coverage"),
  CLIP_SCORE("clipScore", "CLIP score", "CLIP score"), // of samples and their prompts
  CLIP_DISTANCE("clipDistance", "CMMD", "CMMD"); // of CLIP's embeddings

  /** What the Fréchet distance of Inception's features is called, and nothing else. */
  public static final String FID = "FID";

  private final String key;
  private final String name;
  private final String inceptionName;

  Metric(String key, String name, String inceptionName) {
    this.key = key;
    this.name = name;
    this.inceptionName = inceptionName;
  }

  /** Its name in JSON. */
  public String key() {
    return key;
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
