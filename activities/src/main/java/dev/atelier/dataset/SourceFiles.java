package dev.atelier.dataset;

import dev.atelier.untrusted.HeapBudget;
import dev.atelier.untrusted.ZipDirectory;
import java.io.BufferedInputStream;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Arrays;
import java.util.Collections;
import java.util.Locale;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveInputStream;
import org.apache.commons.compress.archivers.zip.ZipArchiveEntry;
import org.apache.commons.compress.archivers.zip.ZipFile;
import org.apache.commons.compress.compressors.gzip.GzipCompressorInputStream;
import org.apache.commons.compress.compressors.xz.XZCompressorInputStream;

/**
 * The files of a directory or an archive, read in the container's own order and as often as asked.
 * Nothing is extracted: a name is only ever compared.
 */
@FunctionalInterface
interface SourceFiles {

  /** Sees one file. Names use {@code /}; the size is in bytes, or -1 where unknown. */
  @FunctionalInterface
  interface Visitor {
    /** {@code content} opens the file; it is valid during the call only. */
    void visit(String name, long sizeBytes, Content content) throws IOException;
  }

  /** Opens a file's bytes at most once. */
  @FunctionalInterface
  interface Content {
    InputStream open() throws IOException;
  }

  void forEach(Visitor visitor) throws IOException;

  int XZ_MEMORY_LIMIT_KIB = 256 << 10;
  int TAR_HEADER_BYTES = 512;

  /**
   * The files of {@code path}: a directory, zip, tar, tar.gz, tar.xz, an .npz of images, told by
   * content, or a file.
   */
  static SourceFiles of(Path path, SourceGuard guard) throws IOException {
    if (Files.isDirectory(path)) {
      return directory(path, guard);
    }
    ArchiveLimits limits = guard.limits();
    byte[] head;
    try (InputStream in = Files.newInputStream(path)) {
      head = in.readNBytes(TAR_HEADER_BYTES);
    }
    if (startsWith(head, 'P', 'K')) {
      return NumpyImages.isIn(path) ? new NumpyImages(path, limits) : zip(path, limits);
    }
    if (startsWith(head, 0x1F, 0x8B)) {
      return tar(
          path,
          limits,
          in ->
              GzipCompressorInputStream.builder()
                  .setInputStream(in)
                  .setDecompressConcatenated(true)
                  .get());
    }
    if (startsWith(head, 0xFD, '7', 'z', 'X', 'Z', 0)) {
      return tar(
          path,
          limits,
          in ->
              XZCompressorInputStream.builder()
                  .setInputStream(in)
                  .setDecompressConcatenated(true)
                  .setMemoryLimitKiB(XZ_MEMORY_LIMIT_KIB)
                  .get());
    }
    String name = String.valueOf(path.getFileName());
    boolean hasTarMagic =
        head.length == TAR_HEADER_BYTES
            && new String(head, 257, 5, StandardCharsets.US_ASCII).equals("ustar");
    if (hasTarMagic || name.toLowerCase(Locale.ROOT).endsWith(".tar")) {
      return tar(path, limits, in -> in);
    }
    return visitor -> visitor.visit(name, Files.size(path), () -> Files.newInputStream(path));
  }

  private static boolean startsWith(byte[] head, int... magic) {
    if (head.length < magic.length) {
      return false;
    }
    for (int i = 0; i < magic.length; i++) {
      if (head[i] != (byte) magic[i]) {
        return false;
      }
    }
    return true;
  }

  private static SourceFiles directory(Path root, SourceGuard guard) {
    return visitor ->
        Files.walkFileTree(
            root,
            new SimpleFileVisitor<>() {
              @Override
              public FileVisitResult visitFile(Path file, BasicFileAttributes attributes)
                  throws IOException {
                // A link to an image is an image; a link to a directory is not followed.
                if (Files.isRegularFile(file)) {
                  if (attributes.isSymbolicLink()) {
                    guard.requireRealPath(file);
                  }
                  String name = root.relativize(file).toString();
                  visitor.visit(
                      name.replace(file.getFileSystem().getSeparator(), "/"),
                      Files.size(file),
                      () -> Files.newInputStream(file));
                }
                return FileVisitResult.CONTINUE;
              }
            });
  }

  private static SourceFiles zip(Path path, ArchiveLimits limits) {
    return visitor -> {
      ArchiveGuard counts = new ArchiveGuard(limits, Files.size(path));
      ZipDirectory.of(path).require(HeapBudget.zipDirectoryBytes());
      try (ZipFile zip = ZipFile.builder().setPath(path).get()) {
        for (ZipArchiveEntry entry : Collections.list(zip.getEntriesInPhysicalOrder())) {
          if (!entry.isDirectory() && !entry.isUnixSymlink() && zip.canReadEntryData(entry)) {
            counts.entry(entry.getName());
            visitor.visit(
                normal(entry.getName()),
                entry.getSize(),
                () -> counts.counting(zip.getInputStream(entry)));
          }
        }
      }
    };
  }

  /** Undoes a compression. */
  @FunctionalInterface
  interface Decompression {
    InputStream open(InputStream in) throws IOException;
  }

  private static SourceFiles tar(Path path, ArchiveLimits limits, Decompression decompression) {
    return visitor -> {
      ArchiveGuard counts = new ArchiveGuard(limits, Files.size(path));
      try (InputStream file = new BufferedInputStream(Files.newInputStream(path), 1 << 16);
          InputStream plain =
              new BufferedInputStream(counts.counting(decompression.open(file)), 1 << 16);
          TarArchiveInputStream tar = new TarArchiveInputStream(plain)) {
        for (TarArchiveEntry entry; (entry = tar.getNextEntry()) != null; ) {
          if (entry.isFile() && !entry.isLink() && !entry.isSymbolicLink()) {
            counts.entry(entry.getName());
            visitor.visit(normal(entry.getName()), entry.getSize(), () -> keptOpen(tar));
          }
        }
      } catch (IllegalArgumentException e) {
        throw new IOException("The archive's headers are damaged.", e);
      }
    };
  }

  /** The archive goes on after its entry. */
  private static InputStream keptOpen(InputStream archive) {
    return new FilterInputStream(archive) {
      @Override
      public void close() {}
    };
  }

  private static String normal(String name) {
    String forward = name.replace('\\', '/');
    return String.join(
        "/",
        Arrays.stream(forward.split("/"))
            .filter(part -> !part.isEmpty() && !part.equals("."))
            .toList());
  }
}
