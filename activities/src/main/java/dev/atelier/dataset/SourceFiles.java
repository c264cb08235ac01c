package dev.atelier.dataset;

import dev.atelier.untrusted.HeapBudget;
import dev.atelier.untrusted.ZipDirectory;
import dev.atelier.workflows.PassedOver.Reason;
import java.io.BufferedInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.FileSystemLoopException;
import java.nio.file.FileVisitOption;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.apache.commons.compress.archivers.zip.ZipArchiveEntry;
import org.apache.commons.compress.archivers.zip.ZipFile;

/**
 * The files of a directory or an archive, read in the container's own order and as often as asked.
 * Nothing is extracted: a name is only ever compared. Names are those of {@link EntryName}.
 */
@FunctionalInterface
interface SourceFiles {

  /** What a directory or an archive holds. A name may come again: the last one counts. */
  sealed interface Entry {
    String name();

    /** A file; the size is in bytes, or -1 where unknown. */
    record File(String name, long sizeBytes) implements Entry {}

    /** A folder; not every container names those that have files. */
    record Folder(String name) implements Entry {}

    /** A further name of a file that came before, by its name in the archive. */
    record HardLink(String name, String target) implements Entry {}

    /** A further name of a file or folder of the archive, seen from the link's own folder. */
    record SymbolicLink(String name, String target) implements Entry {}

    /** Something that cannot be read. */
    record Unreadable(String name, Reason reason) implements Entry {}
  }

  /** Sees one entry. */
  @FunctionalInterface
  interface Visitor {
    /** {@code content} opens a file; it is valid during the call only. */
    void visit(Entry entry, Content content) throws IOException;
  }

  /** Opens a file's bytes at most once. */
  @FunctionalInterface
  interface Content {
    InputStream open() throws IOException;
  }

  void forEach(Visitor visitor) throws IOException;

  int MAX_LINK_BYTES = 4096;

  Content NONE = InputStream::nullInputStream;

  /**
   * The files of {@code path}: a directory, a zip or tar, an .npz of images, told by content, or a
   * file; of {@link ShardNames} those of each, one after the other, below its name.
   */
  static SourceFiles of(Path path, SourceGuard guard) throws IOException {
    if (Files.isDirectory(path)) {
      return directory(path, guard, true);
    }
    Optional<ShardNames> shards = ShardNames.of(path);
    if (shards.isPresent()) {
      return shards(shards.get().files(path), guard);
    }
    Optional<SourceFiles> table = Tables.of(path, guard);
    if (table.isPresent()) {
      return table.get();
    }
    Packing packing = Packing.of(path);
    return switch (packing) {
      case NONE -> {
        String name = EntryName.of(path.getFileName());
        yield visitor ->
            visitor.visit(new Entry.File(name, Files.size(path)), () -> Files.newInputStream(path));
      }
      case ZIP ->
          NumpyImages.isIn(path)
              ? new NumpyImages(path, guard.limits())
              : zip(path, guard.limits());
      case TAR, GZIP, XZ, BZIP2, ZSTD -> tar(path, guard.limits(), packing);
      case SEVEN_ZIP, RAR, LZ4, LZIP, LZW ->
          throw new IOException(
              "it is %s, which is not read: expected a directory, or a zip, tar, tar.gz, tar.xz, tar.bz2 or tar.zst archive."
                  .formatted(packing.shown()));
    };
  }

  /** The files of a directory, tables as what they are: nobody looks into them. */
  static SourceFiles listed(Path directory, SourceGuard guard) {
    return directory(directory, guard, false);
  }

  private static boolean isTable(Path file) {
    return Tables.isTable(EntryName.of(file.getFileName()));
  }

  private static SourceFiles shards(List<Path> shards, SourceGuard guard) {
    return visitor -> {
      for (Path shard : shards) {
        if (Files.isSymbolicLink(shard)) {
          guard.requireRealPath(shard);
        }
        String prefix = EntryName.of(shard.getFileName()) + "/";
        of(shard, guard).forEach(isTable(shard) ? visitor : Tables.below(prefix, visitor));
      }
    };
  }

  private static SourceFiles directory(Path root, SourceGuard guard, boolean opensTables) {
    return visitor ->
        Files.walkFileTree(
            root,
            Set.of(FileVisitOption.FOLLOW_LINKS),
            Integer.MAX_VALUE,
            new SimpleFileVisitor<>() {
              @Override
              public FileVisitResult preVisitDirectory(Path folder, BasicFileAttributes attributes)
                  throws IOException {
                if (!folder.equals(root)) {
                  requireRealPath(folder);
                }
                return FileVisitResult.CONTINUE;
              }

              @Override
              public FileVisitResult visitFile(Path file, BasicFileAttributes attributes)
                  throws IOException {
                String name = name(file);
                if (attributes.isRegularFile()) {
                  requireRealPath(file);
                  Optional<SourceFiles> table =
                      opensTables ? Tables.of(file, guard) : Optional.empty();
                  if (table.isPresent()) {
                    String folder = ImageNames.folder(name);
                    table
                        .get()
                        .forEach(folder.isEmpty() ? visitor : Tables.below(folder + "/", visitor));
                    return FileVisitResult.CONTINUE;
                  }
                  visitor.visit(
                      new Entry.File(name, attributes.size()), () -> Files.newInputStream(file));
                } else {
                  // What is followed and still is a link leads nowhere.
                  Reason reason =
                      attributes.isSymbolicLink() ? Reason.BROKEN_LINK : Reason.NO_IMAGE;
                  visitor.visit(new Entry.Unreadable(name, reason), NONE);
                }
                return FileVisitResult.CONTINUE;
              }

              @Override
              public FileVisitResult visitFileFailed(Path file, IOException e) throws IOException {
                if (e instanceof FileSystemLoopException) {
                  visitor.visit(new Entry.Unreadable(name(file), Reason.LINK_CYCLE), NONE);
                  return FileVisitResult.CONTINUE;
                }
                throw e;
              }

              private String name(Path file) {
                return EntryName.of(root.relativize(file));
              }

              private void requireRealPath(Path path) throws IOException {
                if (Files.isSymbolicLink(path)) {
                  guard.requireRealPath(path);
                }
              }
            });
  }

  private static SourceFiles zip(Path path, ArchiveLimits limits) {
    return visitor -> {
      ArchiveGuard counts = new ArchiveGuard(limits, Files.size(path));
      ZipDirectory.of(path).require(HeapBudget.zipDirectoryBytes());
      try (ZipFile zip = ZipFile.builder().setPath(path).get()) {
        // In the order of the directory, whose last entry of a name counts for other programs too.
        for (ZipArchiveEntry entry : Collections.list(zip.getEntries())) {
          String raw = name(entry);
          String name = EntryName.normal(raw);
          counts.entry(raw);
          if (entry.isDirectory()) {
            visitor.visit(new Entry.Folder(name), NONE);
          } else if (entry.getGeneralPurposeBit().usesEncryption()) {
            visitor.visit(new Entry.Unreadable(name, Reason.ENCRYPTED), NONE);
          } else if (!zip.canReadEntryData(entry)) {
            visitor.visit(new Entry.Unreadable(name, Reason.PACKING), NONE);
          } else if (entry.isUnixSymlink()) {
            visitor.visit(new Entry.SymbolicLink(name, target(zip, entry)), NONE);
          } else {
            visitor.visit(
                new Entry.File(name, entry.getSize()),
                () -> counts.counting(zip.getInputStream(entry)));
          }
        }
      } catch (EOFException e) {
        throw new IOException("The archive ends early.", e);
      } catch (IllegalArgumentException e) {
        throw new IOException("The archive's headers are damaged.", e);
      }
    };
  }

  /** The bytes of a name; those of its Unicode field where there is one. */
  private static String name(ZipArchiveEntry entry) {
    byte[] raw = entry.getRawName();
    boolean isUnicodeField =
        entry.getNameSource() == ZipArchiveEntry.NameSource.UNICODE_EXTRA_FIELD;
    String name = raw == null || isUnicodeField ? entry.getName() : EntryName.decode(raw);
    // As unzip does: only a system without the other separator means one.
    return entry.getPlatform() == ZipArchiveEntry.PLATFORM_FAT && !name.contains("/")
        ? name.replace('\\', '/')
        : name;
  }

  private static String target(ZipFile zip, ZipArchiveEntry entry) throws IOException {
    try (InputStream in = zip.getInputStream(entry)) {
      return EntryName.decode(in.readNBytes(MAX_LINK_BYTES));
    }
  }

  private static SourceFiles tar(Path path, ArchiveLimits limits, Packing packing) {
    return visitor -> {
      ArchiveGuard counts = new ArchiveGuard(limits, Files.size(path));
      try (InputStream file = new BufferedInputStream(Files.newInputStream(path), 1 << 16);
          InputStream plain =
              new BufferedInputStream(counts.counting(packing.open(file)), 1 << 16)) {
        if (packing != Packing.TAR) {
          requireTar(plain);
        }
        TarReader tar = new TarReader(plain);
        for (var next = tar.next(); next.isPresent(); next = tar.next()) {
          TarReader.Entry entry = next.get();
          counts.entry(entry.name());
          visitor.visit(entry(entry), tar::content);
        }
        plain.transferTo(OutputStream.nullOutputStream()); // its checksum comes last
      } catch (EOFException e) {
        throw new IOException("The archive ends early.", e);
      }
    };
  }

  private static void requireTar(InputStream plain) throws IOException {
    plain.mark(TarReader.BLOCK);
    byte[] head = plain.readNBytes(TarReader.BLOCK);
    plain.reset();
    boolean isEmpty = head.length == TarReader.BLOCK && head[0] == 0;
    if (!isEmpty && !TarReader.isHeader(head)) {
      throw new IOException("it unpacks to no tar archive.");
    }
  }

  private static Entry entry(TarReader.Entry entry) {
    String name = EntryName.normal(entry.name());
    return switch (entry.kind()) {
      case FILE -> new Entry.File(name, entry.size());
      case FOLDER -> new Entry.Folder(name);
      case HARD_LINK -> new Entry.HardLink(name, entry.target());
      case SYMBOLIC_LINK -> new Entry.SymbolicLink(name, entry.target());
      case SPARSE -> new Entry.Unreadable(name, Reason.PACKING);
      case DEVICE -> new Entry.Unreadable(name, Reason.NO_IMAGE);
    };
  }
}
