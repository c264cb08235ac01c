package dev.atelier.workflows.vocabulary;

import java.util.Arrays;
import java.util.List;

/**
 * The tensors of a checkpoint, a file each; every part names the same tensors with the same shapes.
 */
public enum CheckpointPart {
  WEIGHTS("weights.safetensors", false),
  EMA("ema.safetensors", false), // exponential moving average of the weights: what is sampled from
  EXP_AVG("exp_avg.safetensors", true), // Adam's first moment
  EXP_AVG_SQ("exp_avg_sq.safetensors", true); // Adam's second moment

  private final String fileName;
  private final boolean moment;

  CheckpointPart(String fileName, boolean moment) {
    this.fileName = fileName;
    this.moment = moment;
  }

  public String fileName() {
    return fileName;
  }

  /** Names of the files that only a training that goes on needs. */
  public static List<String> momentFiles() {
    return Arrays.stream(values())
        .filter(part -> part.moment)
        .map(CheckpointPart::fileName)
        .toList();
  }
}
