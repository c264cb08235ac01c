package dev.atelier.workflows.vocabulary;

/** A curve of a training, as means since the point before; in the order in which they are shown. */
public enum Series {
  LOSS("loss", "weighted sum of the parts"),
  DIFFUSION_LOSS("diffusion_loss", "against what is to be predicted of the images"),
  DISTILLATION_LOSS("distillation_loss", "against the teacher's prediction"),
  FEATURE_LOSS("feature_loss", "against the teacher's features"),
  GRADIENT_NORM("gradient_norm", "of all parameters, before clipping"),
  LEARNING_RATE("learning_rate", "of the last step"),
  IMAGES_PER_SECOND("images_per_second", "trained on"),
  MAX_LOSS("max_loss", "largest loss since the point before"),
  MAX_GRADIENT_NORM("max_gradient_norm", "largest gradient norm since the point before"),
  NATIVE_BYTES("native_bytes", "resident memory outside the Java heap");

  private final String word;
  private final String description;

  Series(String word, String description) {
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

  /** The series of its variance over the steps since the point before. */
  public String variance() {
    return word + "_variance";
  }

  /** The series of how many steps since the point before were outliers of it. */
  public String outliers() {
    return word + "_outliers";
  }

  /** The series of it among the samples whose t is in the k-th tenth of [0, T), from 0. */
  public String ofTenth(int k) {
    return word + "_tenth_" + k;
  }
}
