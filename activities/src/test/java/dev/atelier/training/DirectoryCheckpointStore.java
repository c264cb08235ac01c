package dev.atelier.training;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/** Keeps the last checkpoint below a directory. */
public final class DirectoryCheckpointStore implements CheckpointStore {
  private final Path directory;
  private Optional<Checkpoint> latest = Optional.empty();
  private int saves;

  public DirectoryCheckpointStore(Path directory) {
    this.directory = directory;
  }

  @Override
  public Optional<Checkpoint> latest() {
    return latest;
  }

  int saves() {
    return saves;
  }

  @Override
  public void save(Checkpoint checkpoint) throws IOException {
    Path kept = Files.createDirectories(directory.resolve("step-" + checkpoint.step()));
    for (Path file : checkpoint.files()) {
      Files.copy(file, kept.resolve(file.getFileName()));
    }
    latest =
        Optional.of(
            new Checkpoint(
                checkpoint.step(), checkpoint.specHash(), checkpoint.codeVersion(), kept));
    saves++;
  }
}
