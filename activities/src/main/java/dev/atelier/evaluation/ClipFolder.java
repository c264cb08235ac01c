package dev.atelier.evaluation;

import java.nio.file.Path;
import java.util.List;

/**
 * A CLIP model as a folder on this machine.
 *
 * @param name that it is known by
 * @param files of the folder that are read, by their names
 */
public record ClipFolder(Path path, String name, List<String> files) {

  public ClipFolder {
    files = List.copyOf(files);
  }
}
