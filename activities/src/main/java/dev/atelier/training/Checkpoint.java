package dev.atelier.training;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * All that a training needs to go on bit-identically: the tensors in four safetensors files of a
 * local directory, and what they belong to.
 *
 * @param step steps done
 * @param specHash of the spec that was trained
 * @param codeVersion of the program that trained it
 * @param directory holds one file per {@link Part}
 */
public record Checkpoint(int step, String specHash, String codeVersion, Path directory) {

  /** The tensors of a checkpoint; every part names the same tensors with the same shapes. */
  public enum Part {
    WEIGHTS("weights.safetensors"),
    EMA("ema.safetensors"), // exponential moving average of the weights: what is sampled from
    EXP_AVG("exp_avg.safetensors"), // Adam's first moment
    EXP_AVG_SQ("exp_avg_sq.safetensors"); // Adam's second moment

    private final String fileName;

    Part(String fileName) {
      this.fileName = fileName;
    }

    public String fileName() {
      return fileName;
    }
  }

  public Path file(Part part) {
    return directory.resolve(part.fileName());
  }

  /** The four files. */
  public List<Path> files() {
    List<Path> files = new ArrayList<>();
    for (Part part : Part.values()) {
      files.add(file(part));
    }
    return List.copyOf(files);
  }
}
