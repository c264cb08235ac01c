package dev.atelier.intake;

import dev.atelier.dataset.ArchiveLimits;
import dev.atelier.intake.RemoteFolder.Listing;
import dev.atelier.intake.RemoteFolder.RemoteFile;
import dev.atelier.store.objects.Sha256;
import dev.atelier.untrusted.HeapBudget;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;

/**
 * Copies on this machine of folders of diffusers that lie elsewhere. Each is of one listing: where
 * that changes, there is another copy, so that files of two versions never meet.
 *
 * @param downloads files of users' sources
 * @param limits of a folder's files and bytes
 */
record FolderCopies(Path downloads, ArchiveLimits limits) {

  private static final String FOLDER = "_folders"; // no bucket's name
  private static final int HASH_CHARACTERS = 24;

  /** One process makes a copy at a time, and one thread of it. */
  private static final Map<Path, Object> LOCKS = new ConcurrentHashMap<>();

  /**
   * A copy.
   *
   * @param files that were chosen of the folder's, by their names
   * @param license as the place states it, beside the files
   */
  record Copy(Path folder, List<RemoteFile> files, Optional<String> license) {}

  /**
   * Brings some of the files.
   *
   * @param chosen which, of the names of all
   * @throws IllegalArgumentException, a clause, if the folder is too large, or nothing fits
   */
  Copy of(RemoteFolder remote, Function<Collection<String>, List<String>> chosen)
      throws IOException {
    Listing listing = remote.list(Math.min(limits.entries(), HeapBudget.archiveEntries()));
    Map<String, RemoteFile> byName = new HashMap<>();
    listing.files().forEach(file -> byName.put(requireInside(file).name(), file));
    if (byName.isEmpty()) {
      throw new IllegalArgumentException("there is no file below it");
    }
    List<RemoteFile> files = chosen.apply(byName.keySet()).stream().map(byName::get).toList();
    requireRoom(files);
    String hash =
        Sha256.of((remote.identity() + files).getBytes(StandardCharsets.UTF_8))
            .substring(0, HASH_CHARACTERS);
    Path folder =
        downloads
            .resolve(FOLDER)
            .resolve(hash + "-" + remote.name().replaceAll("[^A-Za-z0-9._-]", "_"));
    Files.createDirectories(folder);
    synchronized (LOCKS.computeIfAbsent(folder.toAbsolutePath(), path -> new Object())) {
      try (FileChannel channel =
          FileChannel.open(
              folder.resolveSibling(folder.getFileName() + ".lock"),
              StandardOpenOption.CREATE,
              StandardOpenOption.WRITE)) {
        var unused = channel.lock(); // until it is closed
        fill(folder, files, remote);
      }
    }
    return new Copy(folder, files, listing.license());
  }

  private void fill(Path folder, List<RemoteFile> files, RemoteFolder remote) throws IOException {
    long left = limits.bytes();
    for (RemoteFile file : files) {
      Path target = folder.resolve(file.name());
      if (!Files.exists(target)) {
        Files.createDirectories(target.getParent());
        remote.fetch(file, target, left);
        long found = Files.size(target);
        if (file.bytes().isPresent() && file.bytes().getAsLong() != found) {
          Files.delete(target);
          throw new IllegalArgumentException(
              "'%s' was listed with %d bytes, but has %d"
                  .formatted(file.name(), file.bytes().getAsLong(), found));
        }
      }
      left -= Files.size(target);
    }
  }

  private void requireRoom(List<RemoteFile> files) {
    if (files.size() > limits.entries()) {
      throw new IllegalArgumentException(
          "%d files of it are needed, more than %d (atelier.sources.archive-entries)"
              .formatted(files.size(), limits.entries()));
    }
    long bytes = 0;
    for (RemoteFile file : files) {
      // Each below the limit, so that the sum can't overflow.
      bytes += Math.min(file.bytes().orElse(0), limits.bytes() + 1);
      if (bytes > limits.bytes()) {
        throw new IllegalArgumentException(
            "its files have more than %d bytes (atelier.sources.archive-bytes)"
                .formatted(limits.bytes()));
      }
    }
  }

  /** A name is only ever one below the folder, as an archive's. */
  private static RemoteFile requireInside(RemoteFile file) {
    String name = file.name();
    Set<String> parts = new HashSet<>(Arrays.asList(name.split("[/\\\\]", -1)));
    if (name.startsWith("/")
        || name.matches("(?s)[A-Za-z]:.*")
        || parts.contains("..")
        || name.chars().anyMatch(Character::isISOControl)) {
      throw new IllegalArgumentException(
          "it holds the name '%s', which leads out of it"
              .formatted(name.replaceAll("\\p{Cntrl}", "?")));
    }
    return file;
  }
}
