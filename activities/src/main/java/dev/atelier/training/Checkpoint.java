package dev.atelier.training;

import dev.atelier.workflows.vocabulary.CheckpointPart;
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
 * @param directory holds one file per {@link CheckpointPart}
 */
public record Checkpoint(int step, String specHash, String codeVersion, Path directory) {

  public Path file(CheckpointPart part) {
    return directory.resolve(part.fileName());
  }

  /** The four files. */
  public List<Path> files() {
    List<Path> files = new ArrayList<>();
    for (CheckpointPart part : CheckpointPart.values()) {
      files.add(file(part));
    }
    return List.copyOf(files);
  }
}
