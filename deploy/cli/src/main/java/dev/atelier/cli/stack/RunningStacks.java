package dev.atelier.cli.stack;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.stream.Stream;

/**
 * The data folders of a user's running local stacks, wherever they lie: each stack leaves a note of
 * its own in the user's home.
 */
public final class RunningStacks {

  private final Path notes;

  RunningStacks(Path notes) {
    this.notes = notes;
  }

  /** In the folder that the XDG base directories have for state. */
  public static RunningStacks ofUser() {
    return new RunningStacks(
        Optional.ofNullable(System.getenv("XDG_STATE_HOME"))
            .filter(path -> !path.isBlank())
            .map(Path::of)
            .orElseGet(() -> Path.of(System.getProperty("user.home"), ".local/state"))
            .resolve("atelier/stacks"));
  }

  /** Notes that a stack runs in a data folder, which has its {@link StackAddress} already. */
  public void add(Path folder) throws IOException {
    Files.createDirectories(notes);
    Files.writeString(note(folder), real(folder).toString(), StandardCharsets.UTF_8);
  }

  public void remove(Path folder) throws IOException {
    Files.deleteIfExists(note(folder));
  }

  /**
   * Where stacks run now, with their addresses; notes of those that were killed are passed over.
   */
  public Map<Path, StackAddress> all() throws IOException {
    Map<Path, StackAddress> running = new LinkedHashMap<>();
    if (!Files.isDirectory(notes)) {
      return running;
    }
    List<Path> files;
    try (Stream<Path> found = Files.list(notes)) {
      files = found.sorted().toList();
    }
    for (Path file : files) {
      Optional<Path> folder = folder(file);
      if (folder.isPresent()) {
        StackAddress.read(folder.get()).ifPresent(address -> running.put(folder.get(), address));
      }
    }
    return running;
  }

  private static Optional<Path> folder(Path note) {
    try {
      return Optional.of(Path.of(Files.readString(note, StandardCharsets.UTF_8)));
    } catch (IOException | InvalidPathException e) {
      return Optional.empty(); // its stack has just ended
    }
  }

  private Path note(Path folder) throws IOException {
    byte[] name = real(folder).toString().getBytes(StandardCharsets.UTF_8);
    return notes.resolve(UUID.nameUUIDFromBytes(name).toString());
  }

  private static Path real(Path folder) throws IOException {
    return folder.toRealPath();
  }
}
